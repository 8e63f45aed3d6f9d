"""What somebody asks of an adaptation."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import alias_name, check_count, check_text, model_name

MOST_PROMPTS = 500
MAX_PROMPT_BYTES = 4096
ANSWERS = range(2, 17)
STEPS = range(1, 10_001)
_ANSWERS, _STEPS, _POLICY, _ROUTE = 4, 60, "careful", "production"
_ID_BYTES = 64


class Source(StrEnum):
    """Where pairs come from."""

    FEEDBACK = "feedback"
    """What people preferred."""
    BEST_OF_N = "best_of_n"
    """The best and the worst of several answers, by the scorers."""
    REVISION = "revision"
    """An answer, and what the version makes of it once it has criticised it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``InvalidArgument`` or ``TooLarge``, naming the field, for what cannot be."""

    model: str
    version: int = 0
    """0: the one that the name stands for."""
    sources: tuple[Source, ...] = tuple(Source)
    prompts: tuple[str, ...] = ()
    """Empty: those that come with the platform."""
    answers: int = _ANSWERS
    reward_model: str = ""
    steps: int = _STEPS
    policy: str = _POLICY
    route: str = _ROUTE

    def __post_init__(self) -> None:
        model_name(self.model, "model")
        if self.version < 0:
            raise InvalidArgument("version must be 1 or more, or 0 for the present one", field="version")
        check_count(len(self.prompts), MOST_PROMPTS, "prompts")
        for place, prompt in enumerate(self.prompts):
            check_text(prompt, f"prompts[{place}]", MAX_PROMPT_BYTES)
        for field, value, allowed in (("answers", self.answers, ANSWERS), ("steps", self.steps, STEPS)):
            if value not in allowed:
                raise InvalidArgument(
                    f"{field} must be {allowed[0]} to {allowed[-1]}", field=field, limit=allowed[-1]
                )
        check_text(self.reward_model, "reward_model", _ID_BYTES, allow_empty=True, controls="line")
        alias_name(self.policy, "policy")
        alias_name(self.route, "route")


def plan_of(
    model: str,
    *,
    version: int = 0,
    sources: Sequence[str] = (),
    prompts: Sequence[str] = (),
    answers: int = 0,
    reward_model: str = "",
    steps: int = 0,
    policy: str = "",
    route: str = "",
) -> Plan:
    """What is 0 or empty becomes what holds then."""
    return Plan(
        model, version, _sources(sources), tuple(dict.fromkeys(prompts)), answers or _ANSWERS, reward_model,
        steps or _STEPS, policy or _POLICY, route or _ROUTE,
    )  # fmt: skip


def _sources(said: Sequence[str]) -> tuple[Source, ...]:
    known = [each.value for each in Source]
    if unknown := sorted(set(said) - set(known)):
        raise InvalidArgument(
            f"sources has no {unknown[0][:40]!r}; there are {', '.join(known)}", field="sources"
        )
    return tuple(each for each in Source if not said or each.value in said)
