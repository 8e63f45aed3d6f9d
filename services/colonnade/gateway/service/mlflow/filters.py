"""MLflow's filters and orders, in the words of the catalogue's search.

Conditions joined by AND; names may stand in backticks or double quotes, texts in single or double quotes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.mlflow import IS_PROMPT, RUN_ID
from colonnade.security.inputs import check_text
from colonnade.security.inputs.catalogue import MAX_FILTER_BYTES

_TEXT = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
_CONDITION = re.compile(
    rf"""\s*(?:(?P<kind>attributes?|tags?)\.)?(?P<key>`[^`]+`|"[^"`]+"|[A-Za-z_][\w.]*)
    \s*(?P<operator>!=|>=|<=|=|>|<|\bNOT\s+IN\b|\bIN\b|\bLIKE\b|\bILIKE\b)
    \s*(?P<value>{_TEXT}|\d{{1,16}}|\(\s*(?:{_TEXT})(?:\s*,\s*(?:{_TEXT}))*\s*\))
    \s*(?P<more>\bAND\b|\Z)""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_EACH = re.compile(_TEXT)
_ORDER = re.compile(r"\s*(?:attributes?\.)?(?P<key>[a-z_]+)(?:\s+(?P<way>ASC|DESC))?\s*", re.IGNORECASE)
_TIMES = {"creation_timestamp": "created_at", "last_updated_timestamp": "updated_at"}
MODEL_FIELDS = {"name": "name"}
MODEL_ORDERS = MODEL_FIELDS | _TIMES
VERSION_FIELDS = {
    "name": "name",
    "version_number": "version",
    "run_id": f"tags.`{RUN_ID}`",
    "source_path": "source",
}
VERSION_ORDERS = {"name": "name", "version_number": "version"} | _TIMES


@dataclass(frozen=True, slots=True)
class Condition:
    key: str
    operator: str
    value: str | int | tuple[str, ...]
    tag: bool = False

    @property
    def of_prompts(self) -> bool | None:
        """For the condition by which clients tell prompts from models: whether models meet it."""
        if not self.tag or self.key != IS_PROMPT or self.operator not in ("=", "!="):
            return None
        return (self.operator, self.value) in (("=", "false"), ("!=", "true"))


def parsed(text: str) -> tuple[Condition, ...]:
    check_text(text, "filter", MAX_FILTER_BYTES, allow_empty=True, controls="line")
    found, at = list[Condition](), 0
    while at < len(text.rstrip()):
        match = _CONDITION.match(text, at)
        if match is None or (match["more"] and not text[match.end() :].strip()):
            raise _unreadable()
        found.append(_condition(match))
        at = match.end()
    return tuple(found)


def catalogue_filter(text: str, fields: Mapping[str, str]) -> str | None:
    """In the catalogue's words; None where nothing meets it: all that is kept here are models, no prompts."""
    conditions = list[str]()
    for condition in parsed(text):
        if condition.of_prompts is None:
            conditions += _rendered(condition, fields)
        elif not condition.of_prompts:
            return None
    return " AND ".join(dict.fromkeys(conditions))


def catalogue_order(orders: Sequence[str], fields: Mapping[str, str], default: str) -> str:
    return ", ".join(_order(each, fields) for each in orders) or default


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _condition(match: re.Match[str]) -> Condition:
    operator = " ".join(match["operator"].upper().split())
    value = match["value"]
    if value.startswith("(") != operator.endswith("IN"):
        raise _unreadable()
    return Condition(
        match["key"].strip('`"'), operator, _value(value), tag=(match["kind"] or "").lower().startswith("tag")
    )


def _value(value: str) -> str | int | tuple[str, ...]:
    if value.startswith("("):
        return tuple(_unquoted(each) for each in _EACH.findall(value))
    return int(value) if value.isdigit() else _unquoted(value)


def _unquoted(text: str) -> str:
    mark = text[0]
    return text[1:-1].replace(mark * 2, mark)


def _rendered(condition: Condition, fields: Mapping[str, str]) -> list[str]:
    left, value = _left(condition, fields), condition.value
    if condition.operator == "NOT IN" and isinstance(value, tuple):
        comparisons = [f"{left} != {quoted(each)}" for each in value]
    else:
        comparisons = [f"{left} {condition.operator} {_literal(value)}"]
    if left.startswith("tags.") and condition.operator in ("!=", "NOT IN"):
        comparisons.append(f"{left} LIKE '%'")  # MLflow wants the tag to be there, the catalogue does not
    return comparisons


def _left(condition: Condition, fields: Mapping[str, str]) -> str:
    if condition.tag:
        return f"tags.`{condition.key}`"
    if condition.key not in fields:
        raise InvalidArgument(
            f"filter may be about {', '.join(fields)} and tags.<key>", field="filter", limit=list(fields)
        )
    return fields[condition.key]


def _literal(value: str | int | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(quoted, value))})"
    return str(value) if isinstance(value, int) else quoted(value)


def _order(text: str, fields: Mapping[str, str]) -> str:
    match = _ORDER.fullmatch(text)
    if match is None or match["key"] not in fields:
        raise InvalidArgument(
            f"order_by must be one of {', '.join(fields)}, with ASC or DESC",
            field="order_by",
            limit=list(fields),
        )
    return f"{fields[match['key']]} {(match['way'] or 'ASC').upper()}"


def _unreadable() -> InvalidArgument:
    return InvalidArgument(
        "filter must be conditions joined by AND, such as name LIKE 'qwen%' AND tags.`team` = 'search'",
        field="filter",
    )
