"""The form of an answer as it is asked for, and the checks that need no compiler."""

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from colonnade.errors import InvalidArgument, TooLarge

MAX_STEP = 10_000
"""The automaton of ``multipleOf`` has as many states as the number that all of a schema's have in common."""
_MOST_DIGITS = 17
_STEP = re.compile(r'"multipleOf":\s*([-+.0-9eE]+)')
_EMBEDDED = re.compile(r"%json\b")


class Form(StrEnum):
    JSON_SCHEMA = "json_schema"
    REGEX = "regex"
    GRAMMAR = "grammar"
    JSON_OBJECT = "json_object"
    CALLS = "calls"
    """Of tools: made by ``calls.Calls``, which checks what is in it."""


MAX_BYTES = {
    Form.JSON_SCHEMA: 64 << 10,
    Form.REGEX: 4 << 10,
    Form.GRAMMAR: 16 << 10,
    Form.JSON_OBJECT: 0,
    Form.CALLS: 256 << 10,
}


@dataclass(frozen=True, slots=True)
class Structure:
    """``text`` is the schema as JSON, the regular expression, the grammar, or the calls; nothing for any JSON
    object."""

    form: Form
    text: str = ""

    def __post_init__(self) -> None:
        size, limit = len(self.text.encode(errors="replace")), MAX_BYTES[self.form]
        if size > limit:
            raise TooLarge(f"{self.field} has {size} bytes; at most {limit}", field=self.field, limit=limit)
        if not self.text and self.form is not Form.JSON_OBJECT:
            raise self.refused("it is empty")
        if self.form is Form.JSON_SCHEMA:
            _check_schema(self)
        if self.form is Form.GRAMMAR and _EMBEDDED.search(self.text):
            raise self.refused("a grammar cannot hold %json; give the whole form as a json_schema")

    @property
    def field(self) -> str:
        return "tools" if self.form is Form.CALLS else f"structure.{self.form}"

    def refused(self, reason: str) -> InvalidArgument:
        return InvalidArgument(f"{self.field} cannot be used: {reason}", field=self.field)


def _check_schema(structure: Structure) -> None:
    try:
        schema = json.loads(structure.text, parse_constant=_no_number, parse_int=_exact)
    except OverflowError:
        raise structure.refused("it has an integer beyond 2^53, which JSON readers may round") from None
    except (ValueError, RecursionError):
        raise structure.refused("it is not JSON, or nested too deeply") from None
    if not isinstance(schema, dict):
        raise structure.refused("a schema is a JSON object")
    # Written anew, so that a name with escapes is found as well.
    steps = _STEP.findall(json.dumps(schema))
    if math.lcm(*(_whole(step) for step in steps)) > MAX_STEP:
        raise structure.refused(
            f"its multipleOf, all together, may have no common multiple of more than {MAX_STEP}"
        )


def _whole(step: str) -> int:
    """The digits of a number without point and exponent: 0.25 is 25."""
    return int("".join(map(str, Decimal(step).normalize().as_tuple().digits)))


def _exact(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or abs(int(digits)) > 2**53:
        raise OverflowError
    return int(digits)


def _no_number(_: str) -> Any:
    raise ValueError
