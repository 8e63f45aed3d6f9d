"""Feedback and reward models in the words of their protobuf contract, and back."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import feedback_pb2 as messages
from colonnade.errors import InvalidArgument
from colonnade.ethics.feedback.feedback import AnsweredBy, Feedback, Given, Kind, Pair, Prompt, State, Turn
from colonnade.ethics.feedback.reward.ports import Kept

_KINDS: Mapping[Kind, "messages.FeedbackKind.ValueType"] = {
    Kind.THUMB: messages.FEEDBACK_KIND_THUMB,
    Kind.CORRECTION: messages.FEEDBACK_KIND_CORRECTION,
    Kind.PREFERENCE: messages.FEEDBACK_KIND_PREFERENCE,
}
_STATES: Mapping[State, "messages.FeedbackState.ValueType"] = {
    State.WAITING: messages.FEEDBACK_STATE_WAITING,
    State.ACCEPTED: messages.FEEDBACK_STATE_ACCEPTED,
    State.REJECTED: messages.FEEDBACK_STATE_REJECTED,
}
_E = TypeVar("_E", bound=StrEnum)


def given(told: messages.NewFeedback) -> Given:
    by = told.answered_by
    return Given(
        kind=_meant(_KINDS, told.kind, "kind"),
        request_id=told.request_id,
        answered_by=AnsweredBy(by.model, by.version, by.digest, by.confirmed),
        prompt=prompt(told.prompt),
        chosen=told.chosen,
        rejected=told.rejected,
        up=told.up,
        comment=told.comment,
    )


def prompt(turns: Iterable[messages.FeedbackTurn]) -> Prompt:
    return tuple(Turn(turn.role, turn.content) for turn in turns)


def kind_of(number: int) -> Kind | None:
    """None: any."""
    return _meant(_KINDS, number, "kind") if number else None


def state_of(number: int) -> State | None:
    """None: any."""
    return _meant(_STATES, number, "state") if number else None


def feedback(found: Feedback) -> messages.Feedback:
    return messages.Feedback(
        id=found.id,
        given=_new(found.given),
        subject=found.subject,
        given_at=_moment(found.given_at),
        state=_STATES[found.state],
        reviewed_by=found.reviewed_by,
        reviewed_at=_moment(found.reviewed_at) if found.reviewed_at else None,
        why=found.why,
    )


def pair(found: Pair) -> messages.FeedbackPair:
    return messages.FeedbackPair(
        prompt=_turns(found.prompt), chosen=found.chosen, rejected=found.rejected, made_of=found.made_of
    )


def model(kept: Kept) -> messages.RewardModel:
    low, high = kept.accuracy.interval
    return messages.RewardModel(
        id=kept.id,
        made_at=_moment(kept.made_at),
        card=kept.card,
        embedding_model=kept.embedding_model,
        accuracy=kept.accuracy.value,
        accuracy_low=low,
        accuracy_high=high,
        learnt=kept.learnt,
        held_out=kept.accuracy.of,
    )


def _new(found: Given) -> messages.NewFeedback:
    by = found.answered_by
    return messages.NewFeedback(
        kind=_KINDS[found.kind],
        request_id=found.request_id,
        answered_by=messages.AnsweredBy(
            model=by.model, version=by.version, digest=by.digest, confirmed=by.confirmed
        ),
        prompt=_turns(found.prompt),
        chosen=found.chosen,
        rejected=found.rejected,
        up=found.up,
        comment=found.comment,
    )


def _turns(turns: Prompt) -> list[messages.FeedbackTurn]:
    return [messages.FeedbackTurn(role=turn.role, content=turn.content) for turn in turns]


def _meant(known: Mapping[_E, int], number: int, field: str) -> _E:
    for meaning, value in known.items():
        if value == number:
            return meaning
    raise InvalidArgument(f"{field} must be one of {', '.join(known)}", field=field)


def _moment(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at.astimezone(UTC))
    return made
