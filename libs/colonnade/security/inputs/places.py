"""Where in a document the value stands that it is refused for: ``messages[0].content``."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from colonnade.security.inputs.injection import escape_log

_MAX_PART_CHARACTERS = 64
_Step: TypeAlias = "tuple[_Step, str | int] | None"
"""The last step of a way into a document, after the one before it."""


def place_of(document: Any, wanted: Callable[[Any], bool]) -> str:
    """The place of the first value, or of the first object with a key, that is ``wanted``.

    Empty for the document itself, and where there is none. Safe to show: names are shortened and escaped.
    """
    for step, value in _values(document):
        if wanted(value) or (isinstance(value, dict) and any(map(wanted, value))):
            return _shown(step)
    return ""


def _values(document: Any) -> Iterator[tuple[_Step, Any]]:
    """All values in the order of the document, without recursion."""
    waiting: list[tuple[_Step, Any]] = [(None, document)]
    while waiting:
        step, value = waiting.pop()
        yield step, value
        if isinstance(value, dict):
            waiting.extend(((step, key), value[key]) for key in reversed(value))
        elif isinstance(value, list):
            waiting.extend(((step, index), value[index]) for index in reversed(range(len(value))))


def _shown(step: _Step) -> str:
    parts: list[str] = []
    while step is not None:
        step, part = step
        shown = f"[{part}]" if isinstance(part, int) else f".{escape_log(part[:_MAX_PART_CHARACTERS])}"
        parts.append(shown)
    return "".join(reversed(parts)).removeprefix(".")
