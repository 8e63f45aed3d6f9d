"""What was decided about a finding, and what that lets go."""

from collections.abc import Iterable
from dataclasses import dataclass

from colonnade.ethics.domain.finding import Finding, Side, Span
from colonnade.ethics.domain.policy import Action, Rule

_DONE = {
    Action.ALLOW: "allowed",
    Action.MASK: "masked",
    Action.REGENERATE: "asked for again",
    Action.REFUSE: "refused",
}


@dataclass(frozen=True, slots=True)
class Decision:
    rule: str
    scorer: str
    category: str
    span: Span
    """Of a mask that an earlier one overlaps: what is left of it."""
    score: float
    action: Action
    policy_version: str
    explanation: str
    """A sentence for people; does not repeat what was found."""
    replacement: str = ""
    guidance: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be released of one side by now."""

    side: Side
    allowed_until: int
    """Offset in characters, which only grows. Masked spans before it are to be replaced."""
    decisions: tuple[Decision, ...]
    """New ones, in order of their place; masks do not overlap."""
    policy_version: str
    ended: bool = False
    """Refused, to be asked for again, or all there is."""
    unscreened: tuple[str, ...] = ()
    """Scorers that failed or were late, where the policy goes on without them."""


_GRAVITY = (Action.ALLOW, Action.MASK, Action.REGENERATE, Action.REFUSE)


def gravest(decisions: Iterable[Decision]) -> tuple[Action, str]:
    """The gravest action with its first rule; allowed by no rule where nothing was decided."""
    found = max(decisions, key=lambda each: _GRAVITY.index(each.action), default=None)
    return (found.action, found.rule) if found else (Action.ALLOW, "")


def decide(rule: Rule, finding: Finding, span: Span, side: Side, version: str) -> Decision:
    return Decision(
        rule.id,
        finding.scorer,
        finding.category,
        span,
        finding.score,
        rule.action,
        version,
        f"Rule {rule.id}: {finding.why} in the {side}, characters {span.start} to {span.end} "
        f"(score {finding.score:.2f}, threshold {rule.threshold:.2f}): {_DONE[rule.action]}.",
        rule.replacement,
        rule.guidance,
        rule.reason,
    )


def fail(rule: Rule, span: Span, side: Side, version: str, why: str) -> Decision:
    """The refusal of a rule whose scorer told nothing."""
    return Decision(
        rule.id,
        rule.scorer,
        "unscreened",
        span,
        1.0,
        Action.REFUSE,
        version,
        f"Rule {rule.id}: the {side} could not be screened, as the scorer {rule.scorer} {why}: refused.",
        reason=rule.reason or "This could not be checked. Please try again later.",
    )
