"""Reads the text of a search: a filter, and the order that it asks for."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, VisitError

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.registry.catalogue.filters import (
    ATTRIBUTES,
    TIMES,
    Comparison,
    Field,
    Filter,
    Kind,
    Operator,
    Value,
)
from colonnade.registry.catalogue.records import check_key
from colonnade.security.inputs import check_count, check_text
from colonnade.security.inputs.catalogue import MAX_COMPARISONS, MAX_FILTER_BYTES, MAX_ORDER_BYTES

_GRAMMAR = Lark(
    r"""
    start: comparison (_AND comparison)*
    comparison: FIELD OPERATOR (NUMBER | TEXT)       -> compared
              | FIELD _IN "(" TEXT ("," TEXT)* ")"   -> among
    FIELD.2: /(?!(?:and|in|like|ilike)\b)[a-z_][a-z0-9_]*(?:\.(?:`[^`]*`|"[^"]*"|[a-z0-9_.]+))?/i
    TEXT: /'(?:[^']|'')*'/ | /"[^"]*"/
    OPERATOR: "<=" | ">=" | "!=" | "=" | "<" | ">" | /LIKE\b/i | /ILIKE\b/i
    NUMBER: /[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?/i
    _AND.3: /AND\b/i
    _IN.3: /IN\b/i
    %ignore /\s+/
    """,
    parser="lalr",
)
_KINDS = {
    "tag": Kind.TAG, "tags": Kind.TAG, "metric": Kind.METRIC, "metrics": Kind.METRIC,
    "attribute": Kind.ATTRIBUTE, "attributes": Kind.ATTRIBUTE,
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_WHOLE = 2**63 - 1
_ORDER = re.compile(r"([a-z_]+)(?:\s+(asc|desc))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.field} {'DESC' if self.descending else 'ASC'}"


def parsed(text: str) -> Filter:
    """``InvalidArgument`` that says where a filter is none."""
    check_text(text, "filter", MAX_FILTER_BYTES, allow_empty=True)
    if not text.strip():
        return ()
    try:
        comparisons: list[Comparison] = _Reader().transform(_GRAMMAR.parse(text))
    except UnexpectedInput as error:
        near = text[max(error.pos_in_stream or 0, 0) :][:20]
        raise _refusal(
            f"is not understood {f'at {near!r}' if near else 'at its end'}; write it as in name LIKE 'smol%' "
            "AND tags.team = 'search' AND metrics.loss < 2"
        ) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ColonnadeError):
            raise error.orig_exc from None
        raise
    check_count(len(comparisons), MAX_COMPARISONS, "filter")
    return tuple(comparisons)


def ordered(text: str, allowed: Collection[str], otherwise: str) -> tuple[Order, ...]:
    """Reads ``name ASC, updated_at DESC``."""
    check_text(text, "order_by", MAX_ORDER_BYTES, allow_empty=True, controls="line")
    found: list[Order] = []
    for part in (text.strip() or otherwise).split(","):
        match = _ORDER.fullmatch(part.strip())
        if match is None or match[1].lower() not in allowed:
            raise InvalidArgument(
                f"order_by names {', '.join(sorted(allowed))}, each with ASC or DESC, as in name ASC",
                field="order_by",
            )
        order = Order(match[1].lower(), (match[2] or "").upper() == "DESC")
        if order.field not in [each.field for each in found]:
            found.append(order)
    return tuple(found)


class _Reader(Transformer[Token, list[Comparison]]):
    def start(self, items: list[Comparison]) -> list[Comparison]:
        return items

    def compared(self, items: list[Token]) -> Comparison:
        field, operator = _field(items[0]), Operator(items[1].upper())
        if operator not in field.operators:
            raise _refusal(f"compares {field} with {', '.join(field.operators)}; not with {operator}")
        return Comparison(field, operator, _value(field, items[2]))

    def among(self, items: list[Token]) -> Comparison:
        field = _field(items[0])
        if Operator.IN not in field.operators:
            raise _refusal(f"compares {field} with {', '.join(field.operators)}; not with IN")
        check_count(len(items) - 1, MAX_COMPARISONS, "filter")
        return Comparison(field, Operator.IN, tuple(_unquoted(item) for item in items[1:]))


def _field(token: Token) -> Field:
    kind, dot, name = token.partition(".")
    if not dot:
        kind, name = "attribute", token
    if kind.lower() not in _KINDS:
        raise _refusal(f"names {kind}; before the first point stand tags or metrics")
    field = Field(_KINDS[kind.lower()], name.strip('`"'))
    if field.kind is not Kind.ATTRIBUTE:
        check_key(field.name, "filter")
    elif field.name not in ATTRIBUTES:
        raise _refusal(f"names {field.name}; there are {', '.join(sorted(ATTRIBUTES))}, tags.x and metrics.x")
    return field


def _value(field: Field, token: Token) -> Value:
    if field.kind is Kind.ATTRIBUTE and field.name in TIMES:
        return _moment(field, token)
    if field.is_text:
        if token.type != "TEXT":
            raise _refusal(f"compares {field} with a text: {field} = '{token}'")
        return _unquoted(token)
    if token.type != "NUMBER":
        raise _refusal(f"compares {field} with a number, without quotes")
    return _number(token)


def _number(token: Token) -> int | float:
    if token.lstrip("+-").isdigit() and len(token) < 30 and abs(int(token)) <= _MOST_WHOLE:
        return int(token)
    value = float(token)
    if not math.isfinite(value):
        raise _refusal("has a number that is too large")
    return value


def _moment(field: Field, token: Token) -> int:
    """Microseconds; of a number, milliseconds since 1970."""
    if token.type == "NUMBER":
        micros = float(token) * 1000
        if not abs(micros) < _MOST_WHOLE:
            raise _refusal(f"has a time in {field} that is too large")
        return round(micros)
    try:
        moment = datetime.fromisoformat(_unquoted(token))
    except ValueError:
        raise _refusal(
            f"compares {field} with milliseconds since 1970 or a time as in '2026-01-31T12:00:00Z'"
        ) from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


def _unquoted(token: Token) -> str:
    text = token[1:-1]
    return text.replace("''", "'") if token[0] == "'" else text


def _refusal(words: str) -> InvalidArgument:
    return InvalidArgument(f"filter {words}", field="filter")
