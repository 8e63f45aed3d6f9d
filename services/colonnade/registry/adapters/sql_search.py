"""Filters and orders of searches as conditions in SQL. Whatever a user wrote is a bound parameter."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Select,
    Table,
    and_,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from colonnade.registry.adapters.catalogue_tables import HEAD_CHARACTERS, METRICS, MODEL_TAGS, VERSION_TAGS
from colonnade.registry.adapters.tables import CONTENTS, MODELS, TARGETS, VERSIONS
from colonnade.registry.catalogue.filters import Comparison, Filter, Kind, Operator, Value, lowered
from colonnade.registry.catalogue.grammar import Order

_NUMBERS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}
_FACTS: Mapping[str, ColumnElement[Any]] = {
    "tenant": MODELS.c.tenant,
    "family": CONTENTS.c.family,
    "size_label": CONTENTS.c.size_label,
    "parameters": CONTENTS.c.parameters,
    "context_length": CONTENTS.c.context_length,
    "base": CONTENTS.c.base,
    "created_by": VERSIONS.c.created_by,
    "digest": VERSIONS.c.content,
    "source": VERSIONS.c.source,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is searched: its rows, what names one, and where its attributes, tags and metrics are."""

    rows: FromClause
    keys: tuple[ColumnElement[Any], ...]
    columns: Mapping[str, ColumnElement[Any]]
    tags: Table
    of_tags: ColumnElement[bool]
    of_metrics: ColumnElement[bool]
    of_targets: ColumnElement[bool]


VERSIONS_SCOPE = Scope(
    # Both are always there; a server leaves out an outer join that no condition looks at.
    VERSIONS.outerjoin(CONTENTS, CONTENTS.c.digest == VERSIONS.c.content).outerjoin(
        MODELS, MODELS.c.name == VERSIONS.c.model
    ),
    (VERSIONS.c.model, VERSIONS.c.number),
    {
        **_FACTS,
        "name": VERSIONS.c.model,
        "version": VERSIONS.c.number,
        "created_at": VERSIONS.c.created_at,
        "updated_at": VERSIONS.c.updated_at,
    },
    VERSION_TAGS,
    and_(VERSION_TAGS.c.model == VERSIONS.c.model, VERSION_TAGS.c.version == VERSIONS.c.number),
    and_(METRICS.c.model == VERSIONS.c.model, METRICS.c.version == VERSIONS.c.number),
    and_(TARGETS.c.model == VERSIONS.c.model, TARGETS.c.version == VERSIONS.c.number),
)
MODELS_SCOPE = Scope(
    MODELS.outerjoin(
        VERSIONS, and_(VERSIONS.c.model == MODELS.c.name, VERSIONS.c.number == MODELS.c.latest)
    ).outerjoin(CONTENTS, CONTENTS.c.digest == VERSIONS.c.content),
    (MODELS.c.name,),
    {
        **_FACTS,
        "name": MODELS.c.name,
        "version": MODELS.c.latest,
        "created_at": MODELS.c.created_at,
        "updated_at": MODELS.c.updated_at,
    },
    MODEL_TAGS,
    MODEL_TAGS.c.model == MODELS.c.name,
    and_(METRICS.c.model == MODELS.c.name, METRICS.c.version == MODELS.c.latest),
    TARGETS.c.model == MODELS.c.name,
)


def searching(
    scope: Scope, asked: Filter, order: Sequence[Order], after: Sequence[Value], limit: int, *, sqlite: bool
) -> Select[Any]:
    """The keys of what is found past the position ``after``."""
    query = select(*scope.keys).select_from(scope.rows).limit(limit)
    query = query.where(*(_condition(scope, each, sqlite) for each in asked))
    columns = [scope.columns[each.field] for each in order]
    if after:
        query = query.where(_past(columns, order, after))
    return query.order_by(
        *(column.desc() if each.descending else column for column, each in zip(columns, order, strict=True))
    )


def _condition(scope: Scope, asked: Comparison, sqlite: bool) -> ColumnElement[bool]:
    if asked.field.kind is Kind.TAG:
        return _tag(scope, asked, sqlite)
    if asked.field.kind is Kind.METRIC:
        last = METRICS.c.last == literal_column("1")  # as the index has it
        value = _NUMBERS[asked.operator](METRICS.c.value, literal(float(_one(asked)), Double))
        return exists().where(scope.of_metrics, METRICS.c.key == asked.field.name, last, value)
    if asked.field.name == "alias":
        named = exists().where(scope.of_targets, _text(TARGETS.c.alias, _positive(asked), sqlite))
        return ~named if asked.operator is Operator.UNEQUAL else named
    column = scope.columns[asked.field.name]
    if asked.field.is_text:
        return _text(column, asked, sqlite)
    number = _one(asked)
    kind = literal(number, BigInteger) if isinstance(number, int) else literal(number, Double)
    return _NUMBERS[asked.operator](column, kind)  # type: ignore[no-any-return]


def _tag(scope: Scope, asked: Comparison, sqlite: bool) -> ColumnElement[bool]:
    tags, positive = scope.tags, _positive(asked)
    conditions = [scope.of_tags, tags.c.key == asked.field.name]
    values = _values(positive)
    if values:
        conditions.append(tags.c.head.in_({value[:HEAD_CHARACTERS] for value in values}))
    # Whoever is all head needs no second look; two conditions on one fact mislead a server's estimates.
    if not values or max(map(len, values)) >= HEAD_CHARACTERS:
        conditions.append(_text(tags.c.value, positive, sqlite))
    found = exists().where(*conditions)
    return ~found if asked.operator is Operator.UNEQUAL else found


def _values(asked: Comparison) -> tuple[str, ...]:
    """Those of which it must be one; none where it is compared otherwise."""
    if isinstance(asked.value, tuple):
        return asked.value
    return (str(asked.value),) if asked.operator is Operator.EQUAL else ()


def _positive(asked: Comparison) -> Comparison:
    """What something must have for ``!=`` not to hold."""
    if asked.operator is Operator.UNEQUAL:
        return Comparison(asked.field, Operator.EQUAL, asked.value)
    return asked


def _text(column: ColumnElement[Any], asked: Comparison, sqlite: bool) -> ColumnElement[bool]:
    value = asked.value
    if isinstance(value, tuple):
        return column.in_(value)
    if asked.operator is Operator.EQUAL:
        return column == value
    if asked.operator is Operator.UNEQUAL:
        return column != value
    pattern = str(value)
    if asked.operator is Operator.ILIKE:
        column, pattern = func.lower(column if sqlite else column.collate("C")), lowered(pattern)
    if sqlite:  # its LIKE minds no case
        return column.op("GLOB", is_comparison=True)(_globbed(pattern))
    return column.like(pattern.replace("\\", "\\\\"), escape="\\")


def _globbed(pattern: str) -> str:
    special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(special.get(each, each) for each in pattern)


def _past(
    columns: Sequence[ColumnElement[Any]], order: Sequence[Order], after: Sequence[Value]
) -> ColumnElement[bool]:
    """Behind a position, by the first field that differs; a bound on the first, for an index to begin at."""
    beyond = [
        column < value if each.descending else column > value
        for column, each, value in zip(columns, order, after, strict=True)
    ]
    same = [column == value for column, value in zip(columns, after, strict=True)]
    first = columns[0] <= after[0] if order[0].descending else columns[0] >= after[0]
    return and_(first, or_(*(and_(*same[:index], each) for index, each in enumerate(beyond))))


def _one(asked: Comparison) -> int | float:
    assert isinstance(asked.value, int | float)
    return asked.value
