"""A request's sampling settings and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from colonnade.errors import InvalidArgument

MAX_LOGPROBS = 20
MAX_TEMPERATURE = 100.0
MAX_REPETITION_PENALTY = 100.0
MAX_PENALTY = 100.0
MAX_BIAS = 100.0
MAX_BIASES = 1024


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0 takes the most likely token. Each other setting's default leaves the model as it is."""

    temperature: float = 0.0
    top_k: int = 0
    """0 is off."""
    top_p: float = 1.0
    """1 is off."""
    min_p: float = 0.0
    """0 is off."""
    repetition_penalty: float = 1.0
    """1 is off. Of tokens in the prompt and the answer."""
    seed: int = 0
    logprobs: int | None = None
    """None: no logprobs; n: the drawn token's and its n most likely rivals'."""
    frequency_penalty: float = 0.0
    """Taken off a token's score for each time it is in the answer."""
    presence_penalty: float = 0.0
    """Taken off a token's score once it is in the answer."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """Added to the scores of tokens, by id."""

    def __post_init__(self) -> None:
        _within("temperature", self.temperature, 0.0, MAX_TEMPERATURE)
        _within("top_k", self.top_k, 0, 2**31 - 1)
        _within("top_p", self.top_p, 0.0, 1.0)
        _within("min_p", self.min_p, 0.0, 1.0)
        _within("repetition_penalty", self.repetition_penalty, 0.01, MAX_REPETITION_PENALTY)
        _within("frequency_penalty", self.frequency_penalty, -MAX_PENALTY, MAX_PENALTY)
        _within("presence_penalty", self.presence_penalty, -MAX_PENALTY, MAX_PENALTY)
        _within("seed", self.seed, 0, 2**64 - 1)
        _within("logprobs", self.logprobs or 0, 0, MAX_LOGPROBS)
        if self.top_p == 0.0:
            raise InvalidArgument("top_p must be above 0; 1 turns it off", field="top_p", limit=1.0)
        _check_bias(self.logit_bias)

    @property
    def adjusts(self) -> bool:
        """Whether scores are changed before anything is filtered."""
        return bool(
            self.logit_bias
            or self.repetition_penalty != 1.0
            or self.frequency_penalty
            or self.presence_penalty
        )


def _check_bias(bias: Mapping[int, float]) -> None:
    if len(bias) > MAX_BIASES:
        raise InvalidArgument(
            f"logit_bias names {len(bias)} tokens; at most {MAX_BIASES}", field="logit_bias", limit=MAX_BIASES
        )
    for token, value in bias.items():
        if token < 0:
            raise InvalidArgument("logit_bias names tokens by ids, from 0 on", field="logit_bias", minimum=0)
        _within("logit_bias", value, -MAX_BIAS, MAX_BIAS)


def _within(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise InvalidArgument(
            f"{field} must be between {low} and {high}", field=field, limit=high, minimum=low
        )
