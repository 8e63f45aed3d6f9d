"""What all messages about screening have in common."""

from datetime import UTC, datetime
from typing import get_args

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.ethics.v1 import ethics_pb2 as wire
from colonnade.gateway.domain.guarding import Action, Side

SIDES: dict[Side, wire.Side.ValueType] = {"input": wire.SIDE_INPUT, "output": wire.SIDE_OUTPUT}
ACTIONS: dict[Action, wire.Action.ValueType] = {
    name: wire.Action.Value(f"ACTION_{name.upper()}") for name in get_args(Action)
}
_ACTION_OF = {number: name for name, number in ACTIONS.items()}


def side_of(told: wire.Side.ValueType) -> Side:
    return "input" if told == wire.SIDE_INPUT else "output"


def action_of(told: wire.Action.ValueType) -> Action:
    """One that a newer service has, and this one does not know, refuses."""
    return _ACTION_OF.get(told, "refuse")


def moment_of(told: Timestamp) -> datetime:
    return told.ToDatetime(tzinfo=UTC)
