"""What a search asks for: comparisons that all hold, ``family = 'lora' AND metrics.loss < 2``.

The language is that of MLflow's searches. Attributes are facts of a version (of a model: of its newest one);
``tags.x`` and ``metrics.x`` are what was said of it, a metric by the value of its last step. ``!=`` on tags
also holds where there is no such tag. LIKE minds case, ILIKE does not mind that of ASCII letters; ``%``
stands for any characters and ``_`` for one.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float


class Kind(StrEnum):
    ATTRIBUTE = ""
    TAG = "tags"
    METRIC = "metrics"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"


TEXTS = frozenset({
    "name", "family", "size_label", "created_by", "tenant", "digest", "source", "base", "alias",
})  # fmt: skip
NUMBERS = frozenset({"parameters", "context_length", "version"})
TIMES = frozenset({"created_at", "updated_at"})
ATTRIBUTES = TEXTS | NUMBERS | TIMES
FOR_TEXTS = (Operator.EQUAL, Operator.UNEQUAL, Operator.LIKE, Operator.ILIKE, Operator.IN)
FOR_NUMBERS = (
    Operator.EQUAL, Operator.UNEQUAL, Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    kind: Kind
    name: str

    @property
    def is_text(self) -> bool:
        return self.kind is Kind.TAG or (self.kind is Kind.ATTRIBUTE and self.name in TEXTS)

    @property
    def operators(self) -> tuple[Operator, ...]:
        return FOR_TEXTS if self.is_text else FOR_NUMBERS

    def __str__(self) -> str:
        if self.kind is Kind.ATTRIBUTE:
            return self.name
        plain = re.fullmatch(r"[A-Za-z_][\w.]*", self.name, re.ASCII)
        return f"{self.kind}.{self.name if plain else f'`{self.name}`'}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Times are microseconds since 1970, whichever way they were written."""

    field: Field
    operator: Operator
    value: Value | tuple[str, ...]
    """Several for IN."""

    def __str__(self) -> str:
        if isinstance(self.value, tuple):
            return f"{self.field} IN ({', '.join(map(_told, self.value))})"
        if self.field.kind is Kind.ATTRIBUTE and self.field.name in TIMES:
            return f"{self.field} {self.operator} {int(self.value) / 1000:.3f}"
        return f"{self.field} {self.operator} {_told(self.value)}"

    def holds(self, value: Value | None) -> bool:
        """Of what the field has; None where there is none, as of a tag that is not there."""
        if value is None:
            return self.operator is Operator.UNEQUAL and self.field.kind is Kind.TAG
        return _HOLDS[self.operator](value, self.value)

    def holds_of_any(self, values: Sequence[str]) -> bool:
        """Of a field with several values: ``!=`` means that none of them is it."""
        if self.operator is Operator.UNEQUAL:
            return self.value not in values
        return any(self.holds(value) for value in values)


Filter: TypeAlias = tuple[Comparison, ...]
"""All of them hold; an empty one holds always."""


def rendered(comparisons: Filter) -> str:
    """The text that parses to it."""
    return " AND ".join(map(str, comparisons))


def matches(value: str, pattern: str, *, any_case: bool = False) -> bool:
    """LIKE; with ``any_case`` ILIKE."""
    if any_case:
        value, pattern = lowered(value), lowered(pattern)
    parts = (".*" if each == "%" else "." if each == "_" else re.escape(each) for each in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def lowered(text: str) -> str:
    """With ASCII letters small: what every database takes the same."""
    return re.sub("[A-Z]+", lambda found: found.group().lower(), text)


def _told(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


_HOLDS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.LIKE: matches,
    Operator.ILIKE: lambda value, pattern: matches(value, pattern, any_case=True),
    Operator.IN: lambda value, several: value in several,
}
