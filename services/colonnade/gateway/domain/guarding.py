"""What the guard was told of a request, and what it did about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from colonnade.errors import InvalidArgument

Side: TypeAlias = Literal["input", "output"]
Action: TypeAlias = Literal["allow", "mask", "regenerate", "refuse"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Of a policy's rule about a piece of text; never repeats the text."""

    side: Side
    rule: str
    category: str
    action: Action
    start: int
    """In characters: of ``field``, or of an answer as the model wrote it."""
    end: int
    score: float
    explanation: str
    replacement: str = ""
    reason: str = ""
    """For people, where it is refused."""
    guidance: str = ""
    """For the model, where it is asked again."""
    field: str = ""
    """Of an input: the request's field; ``memory`` for what was recalled."""
    index: int = 0
    """Of an output: which of the answers."""

    @property
    def ends(self) -> bool:
        return self.action in ("refuse", "regenerate")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be released of one side by now."""

    allowed_until: int
    """Offset in characters, which only grows."""
    decisions: tuple[Decision, ...] = ()
    """New ones, in order of their place; masks do not overlap."""
    policy: str = ""
    version: str = ""
    unscreened: tuple[str, ...] = ()
    """Scorers that failed, where the policy goes on without them."""


@dataclass(slots=True)
class GuardUse:
    """Of one request: told with its answer."""

    policy: str = ""
    version: str = ""
    decisions: list[Decision] = field(default_factory=list)
    unscreened: list[str] = field(default_factory=list)
    unavailable: str = ""
    """Why the request, or the rest of its answer, was not screened at all."""
    input_seconds: float = 0.0
    """That screening the input took."""

    def note(self, verdict: Verdict) -> None:
        """All but its decisions, which the guard may still change."""
        if verdict.version:
            self.policy, self.version = verdict.policy, verdict.version
        self.unscreened += [each for each in verdict.unscreened if each not in self.unscreened]

    @property
    def rules(self) -> list[str]:
        """That did something, each once."""
        return list(dict.fromkeys(each.rule for each in self.decisions if each.action != "allow"))

    @classmethod
    def together(cls, uses: Mapping[int, "GuardUse"]) -> "GuardUse":
        """Of several requests that are answered as one, by the number of each one's first answer."""
        first = uses[min(uses)]
        return cls(
            first.policy,
            first.version,
            [replace(each, index=each.index + at) for at in sorted(uses) for each in uses[at].decisions],
            list(dict.fromkeys(each for at in sorted(uses) for each in uses[at].unscreened)),
            next((use.unavailable for use in uses.values() if use.unavailable), ""),
        )


class ContentRefused(InvalidArgument):
    """A policy refuses what was sent."""

    def __init__(self, decision: Decision, use: GuardUse) -> None:
        reason = decision.reason or "It was refused."
        details: dict[str, Any] = {"field": decision.field, "rule": decision.rule, "reason": reason}
        super().__init__(
            f"{decision.field} was refused. {reason} {decision.explanation}",
            **details,
            category=decision.category,
            explanation=decision.explanation,
            score=decision.score,
            span={"start": decision.start, "end": decision.end},
            policy=use.policy,
            policy_version=use.version,
        )
