"""What differs between two JSON documents, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

_MOST = 8
_LONGEST = 80
_ABSENT = object()


def differences(before: Any, now: Any) -> list[str]:
    """``split.seed was 0 and is 1``, in the documents' order; empty where they are the same. Where there are
    many, the last says how many more."""
    found = list(_differences("", before, now))
    more = len(found) - _MOST
    return found[:_MOST] + ([f"and {more} more"] if more > 0 else [])


def _differences(place: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            inside = f"{place}.{key}".removeprefix(".")
            yield from _differences(inside, before.get(key, _ABSENT), now.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif before != now:
        yield f"{place} was {_shown(before)} and is {_shown(now)}"


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    if value is None or value == []:
        return "none"
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3]}..."
