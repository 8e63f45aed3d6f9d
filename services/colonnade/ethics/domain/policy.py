"""What becomes of findings: rules in order, the first that fits decides."""

from dataclasses import dataclass
from enum import StrEnum

from colonnade.ethics.domain.finding import Finding, Side


class Action(StrEnum):
    ALLOW = "allow"
    """Recorded, nothing else."""
    MASK = "mask"
    """The span is replaced."""
    REGENERATE = "regenerate"
    """The answer is thrown away and asked for again, with guidance."""
    REFUSE = "refuse"

    @property
    def ends(self) -> bool:
        """Nothing more of this side is released."""
        return self in (Action.REGENERATE, Action.REFUSE)


class OnFailure(StrEnum):
    """What a rule does where its scorer fails or is late."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    scorer: str
    action: Action
    categories: frozenset[str] = frozenset()
    """Empty: all of the scorer's."""
    sides: frozenset[Side] = frozenset(Side)
    threshold: float = 0.5
    replacement: str = ""
    """For masks; may be empty."""
    guidance: str = ""
    """For regenerations: what the model is told."""
    reason: str = ""
    """For refusals: what the person is told."""
    on_failure: OnFailure = OnFailure.REFUSE

    def fits(self, finding: Finding, side: Side) -> bool:
        return (
            finding.scorer == self.scorer
            and side in self.sides
            and finding.score >= self.threshold
            and (not self.categories or finding.category in self.categories)
        )


@dataclass(frozen=True, slots=True)
class Holding:
    """How much a policy accepts to be held back, and for how long it waits."""

    characters: int = 12_000
    """Of one scorer, invisible ones not counted."""
    timeout_seconds: float = 2.0
    """For one answer of a scorer that does not answer at once."""


@dataclass(frozen=True, slots=True)
class Expected:
    action: Action
    rule: str = ""
    """Empty: any."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A test of a policy: what it should do with a text."""

    text: str
    side: Side
    expect: Expected


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    version: str
    """Digest of what it means: ``sha256:`` and 64 hexadecimal digits."""
    rules: tuple[Rule, ...]
    holding: Holding = Holding()
    description: str = ""
    trials: tuple[Trial, ...] = ()
    source: str = ""
    """As it was written."""

    def rule_for(self, finding: Finding, side: Side) -> Rule | None:
        return next((rule for rule in self.rules if rule.fits(finding, side)), None)

    def rules_of(self, scorer: str, side: Side) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.scorer == scorer and side in rule.sides)

    def scorers(self, side: Side) -> tuple[str, ...]:
        """Names of those that this side needs, each once, in the rules' order."""
        return tuple(dict.fromkeys(rule.scorer for rule in self.rules if side in rule.sides))
