"""Where a page of a search ends, as the token that the next one begins with."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from colonnade.errors import InvalidArgument
from colonnade.registry.catalogue.filters import TEXTS, Value
from colonnade.registry.catalogue.grammar import Order, ordered
from colonnade.registry.catalogue.records import ModelRecord, VersionRecord

MODEL_ORDERS = ("name", "created_at", "updated_at")
VERSION_ORDERS = ("name", "version", "created_at", "updated_at", "parameters", "context_length")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def model_order(text: str) -> tuple[Order, ...]:
    return _complete(ordered(text, MODEL_ORDERS, "name ASC"), ("name",))


def version_order(text: str) -> tuple[Order, ...]:
    """By default as models are listed, the newest version of each first."""
    return _complete(ordered(text, VERSION_ORDERS, "name ASC, version DESC"), ("name", "version"))


def model_position(record: ModelRecord, order: Sequence[Order]) -> tuple[Value, ...]:
    facts: dict[str, Value] = {
        "name": record.model.name,
        "created_at": _micros(record.model.created_at),
        "updated_at": _micros(record.updated_at),
    }
    return tuple(facts[each.field] for each in order)


def version_position(record: VersionRecord, order: Sequence[Order]) -> tuple[Value, ...]:
    version = record.version
    facts: dict[str, Value] = {
        "name": version.manifest.name,
        "version": version.manifest.version,
        "created_at": _micros(version.created_at),
        "updated_at": _micros(record.updated_at),
        "parameters": version.manifest.content.parameters,
        "context_length": version.manifest.content.context_length,
    }
    return tuple(facts[each.field] for each in order)


def token_of(order: Sequence[Order], position: Sequence[Value]) -> str:
    content = json.dumps([list(map(str, order)), list(position)])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def position_in(token: str, order: Sequence[Order]) -> tuple[Value, ...]:
    """``InvalidArgument`` for what no search in this order returned."""
    if not token:
        return ()
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        orders, position = json.loads(base64.urlsafe_b64decode(padded))
        fits = len(position) == len(order) and orders == list(map(str, order))
        if fits and all(map(_fits, order, position)):
            return tuple(position)
    except (UnicodeError, binascii.Error, ValueError, TypeError, RecursionError):
        pass
    raise InvalidArgument(
        "page_token must be one that the same search returned, in the same order", field="page_token"
    )


def _fits(order: Order, value: object) -> bool:
    if order.field in TEXTS:
        return isinstance(value, str) and "\0" not in value and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _complete(order: tuple[Order, ...], keys: Sequence[str]) -> tuple[Order, ...]:
    """With what tells two from each other, in the direction of what stands last."""
    named = {each.field for each in order}
    return (*order, *(Order(key, order[-1].descending) for key in keys if key not in named))


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
