"""JSON from outside, bounded before it is parsed.

``guard_json`` looks at raw bytes in linear time and without recursion, so it also suits a server that parses
with another library afterwards. ``parse_json`` parses too, and is stricter than the standard library: no
NaN or Infinity, no number beyond what 64 bits hold, no duplicate keys, no lone surrogates.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument
from colonnade.security.inputs.places import place_of
from colonnade.security.inputs.sizes import MIB, check_size, read_bounded
from colonnade.security.inputs.texts import decoded


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """``max_nodes`` counts values: objects, arrays, and what is in them."""

    max_bytes: int = 4 * MIB
    max_depth: int = 32
    max_nodes: int = 100_000


BODY = JsonLimits()
"""For the body of an HTTP request."""
CONFIG = JsonLimits(max_bytes=4 * MIB, max_depth=16, max_nodes=100_000)
"""For a configuration file of a model."""
TOKENIZER = JsonLimits(max_bytes=64 * MIB, max_depth=32, max_nodes=4_000_000)
"""For ``tokenizer.json``: a vocabulary and its merges. Also for the index of a sharded checkpoint."""

_MAX_NUMBER_CHARACTERS = 128
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1
# Never fails after a quote, not even at the end of the data: so the scan is linear in hostile input.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def guard_json(data: bytes, limits: JsonLimits = BODY, field: str = "body") -> bytes:
    """``data``, when its size, depth and number of values are within ``limits``; it may still not be JSON."""
    check_size(len(data), limits.max_bytes, field)
    bare = _STRING.sub(b"", data)
    brackets = bare.translate(None, _NOT_BRACKETS)
    depth = max(accumulate(map(_STEP.__getitem__, brackets)), default=0)
    if depth > limits.max_depth:
        raise InvalidArgument(
            f"{field} is nested {depth} deep; at most {limits.max_depth} levels are allowed",
            field=field,
            limit=limits.max_depth,
        )
    nodes = bare.count(b",") + bare.count(b"[") + bare.count(b"{") + 1
    if nodes > limits.max_nodes:
        raise InvalidArgument(
            f"{field} has more than {limits.max_nodes} values", field=field, limit=limits.max_nodes
        )
    return data


def parse_json(data: bytes, limits: JsonLimits = BODY, field: str = "body") -> Any:
    """The value that ``data`` is JSON of. Raises ``InvalidArgument`` or ``TooLarge``, naming ``field``."""
    guard_json(data, limits, field)
    text = decoded(data, field)
    reader = _Reader(field)
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.pairs,
            parse_constant=reader.constant,
            parse_float=reader.real,
            parse_int=reader.integer,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidArgument(f"{field} is not valid JSON ({where})", field=field) from None
    if reader.refused:
        raise _not_a_number(value, field)
    if _SURROGATE_ESCAPE.search(data):
        _check_surrogates(value, field)
    return value


def read_json(path: Path, limits: JsonLimits = CONFIG, field: str = "file") -> Any:
    """The value of a JSON file. ``field`` names it in errors, which never show the path."""
    return parse_json(read_bounded(path, limits.max_bytes, field), limits, field)


def parse_object(data: bytes, limits: JsonLimits = BODY, field: str = "body") -> dict[str, Any]:
    """As ``parse_json``, for data that must be an object."""
    value = parse_json(data, limits, field)
    if not isinstance(value, dict):
        raise InvalidArgument(f"{field} must be a JSON object", field=field)
    return value


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands for a number that is none, until it is known where in the document it is."""

    reason: str
    limit: str


class _Reader:
    """What the parser asks for each object, number and constant."""

    def __init__(self, field: str) -> None:
        self._field = field
        self.refused = False
        """Whether there is a ``_Refused`` in the document."""

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise InvalidArgument(f"{self._field} has an object with a duplicate key", field=self._field)
        return result

    def constant(self, name: str) -> _Refused:
        return self._refuse(f"{name}, which is not JSON", "a finite number")

    def real(self, text: str) -> float | _Refused:
        number = float(text) if len(text) <= _MAX_NUMBER_CHARACTERS else math.inf
        if math.isfinite(number):
            return number
        return self._refuse("a number too large or too long for 64 bits", "64 bits")

    def integer(self, text: str) -> int | _Refused:
        number = int(text) if len(text) <= len(str(_MIN_INTEGER)) + 1 else _MAX_INTEGER + 1
        if _MIN_INTEGER <= number <= _MAX_INTEGER:
            return number
        return self._refuse("an integer beyond 64 bits", "64 bits")

    def _refuse(self, reason: str, limit: str) -> _Refused:
        self.refused = True
        return _Refused(reason, limit)


def _not_a_number(document: Any, field: str) -> InvalidArgument:
    """The refusal of the first number that is none, under the name of where it is."""
    found: list[_Refused] = []

    def refused(value: Any) -> bool:
        if isinstance(value, _Refused):
            found.append(value)
        return bool(found)

    place = place_of(document, refused)
    where = f"{place} in {field}" if place else field
    return InvalidArgument(f"{where} has {found[0].reason}", field=place or field, limit=found[0].limit)


def _check_surrogates(document: Any, field: str) -> None:
    if not any(map(_has_surrogate, _texts(document))):
        return
    place = place_of(document, _has_surrogate)
    where = f"{place} in {field}" if place else field
    raise InvalidArgument(
        f"{where} has a lone surrogate; send valid Unicode", field=place or field, limit="valid Unicode"
    )


def _has_surrogate(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _texts(document: Any) -> Iterable[str]:
    """All strings and keys, in any order: quick, since large vocabularies pass here."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
