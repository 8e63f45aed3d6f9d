"""Messages to the domain's words and back."""

from colonnade.api.ethics.v1 import ethics_pb2 as messages
from colonnade.api.generation.v1.generation_pb2 import ModelRef
from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.domain.decision import Decision, Verdict
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, Policy
from colonnade.ethics.policies import Outcome

SIDES = {Side.INPUT: messages.SIDE_INPUT, Side.OUTPUT: messages.SIDE_OUTPUT}
ACTIONS = {
    Action.ALLOW: messages.ACTION_ALLOW,
    Action.MASK: messages.ACTION_MASK,
    Action.REGENERATE: messages.ACTION_REGENERATE,
    Action.REFUSE: messages.ACTION_REFUSE,
}


def side_of(value: messages.Side.ValueType) -> Side:
    for side, number in SIDES.items():
        if number == value:
            return side
    raise InvalidArgument("side must be SIDE_INPUT or SIDE_OUTPUT", field="side")


def version_of(ref: ModelRef) -> Version | None:
    """None where it is not said."""
    return Version(ref.name, ref.version, ref.digest) if ref.digest else None


def verdict(made: Verdict, policy: Policy) -> messages.ScreenResponse:
    return messages.ScreenResponse(
        side=SIDES[made.side],
        allowed_until=made.allowed_until,
        decisions=map(decision, made.decisions),
        policy_name=policy.name,
        policy_version=made.policy_version,
        ended=made.ended,
        unscreened=made.unscreened,
    )


def decision(made: Decision) -> messages.Decision:
    return messages.Decision(
        rule=made.rule,
        scorer=made.scorer,
        category=made.category,
        span=messages.Span(start=made.span.start, end=made.span.end),
        score=made.score,
        action=ACTIONS[made.action],
        policy_version=made.policy_version,
        explanation=made.explanation,
        replacement=made.replacement,
        guidance=made.guidance,
        reason=made.reason,
    )


def outcome(made: Outcome) -> messages.TestOutcome:
    return messages.TestOutcome(
        text=made.trial.text,
        side=SIDES[made.trial.side],
        expected_action=ACTIONS[made.trial.expect.action],
        expected_rule=made.trial.expect.rule,
        passed=made.passed,
        action=ACTIONS[made.action],
        rule=made.rule,
        decisions=map(decision, made.decisions),
    )
