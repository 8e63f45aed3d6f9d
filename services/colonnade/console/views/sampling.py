"""The playground's settings, from the fields of a form to what the SDK takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from colonnade.client import GenerateOptions
from colonnade.errors import InvalidArgument

PRESETS = ("balanced", "creative", "precise", "deterministic")


@dataclass(slots=True)
class Sampling:
    """As the fields have it; None or empty is the platform's default."""

    preset: str = ""
    max_tokens: float | None = 256
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    seed: float | None = None
    stop: str = ""
    """One string a line."""
    bias: str = ""
    """``id=number``, separated by commas."""
    system: str = ""
    use_cache: bool = True
    plain: bool = False
    """The prompt goes to the model as it stands, without a chat template and without what was said before."""

    def options(self) -> GenerateOptions:
        """Raises ``InvalidArgument`` for what is no whole number, or no bias."""
        options: GenerateOptions = {
            "preset": self.preset or None,
            "max_tokens": _whole("the longest answer", self.max_tokens),
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": _whole("top k", self.top_k),
            "min_p": self.min_p,
            "repetition_penalty": self.repetition_penalty,
            "seed": _whole("the seed", self.seed),
            "stop": [line for line in self.stop.splitlines() if line] or None,
            "logit_bias": bias_of(self.bias) or None,
            "cache_control": None if self.use_cache else "no-cache",
        }
        return options

    def messages(self, turns: Sequence[tuple[str, str]], prompt: str) -> list[dict[str, str]]:
        """The conversation so far, pairs of question and answer, with the new question at its end.

        Questions that were not answered are no part of it. A model may say NUL; a request may not."""
        said = [{"role": "system", "content": self.system}] if self.system.strip() else []
        for question, answer in turns:
            if answer := answer.replace("\0", ""):
                said += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return [*said, {"role": "user", "content": prompt}]


def bias_of(text: str) -> dict[int, float]:
    """``"0=-100, 42=5"``: of token 0 never, of token 42 more."""
    found: dict[int, float] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, value = part.partition("=")
        try:
            found[int(name)] = float(value)
        except ValueError:
            raise InvalidArgument(
                "token bias must look like 0=-100, 42=5: ids of tokens, and -100 to 100", field="logit_bias"
            ) from None
    return found


def _whole(name: str, value: float | None) -> int | None:
    if value is None:
        return None
    if value != int(value):
        raise InvalidArgument(f"{name} must be a whole number", field=name)
    return int(value)
