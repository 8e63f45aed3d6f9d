"""How events are written: server-sent events, one for each object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from colonnade.errors import ColonnadeError

DONE = b"data: [DONE]\n\n"
_BREAKS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""What Unicode takes for the end of a line, and clients that split a stream as text with it."""


def frame(data: Mapping[str, Any]) -> bytes:
    """One event, on one ``data:`` line."""
    return b"data: " + line(data) + b"\n\n"


def line(data: Mapping[str, Any]) -> bytes:
    """JSON without a line break of any kind."""
    text = msgspec.json.encode(data)
    if not text.isascii():
        for character, escaped in _BREAKS:
            text = text.replace(character, escaped)
    return text


@dataclass(frozen=True, slots=True)
class Framing:
    """How a protocol writes its events."""

    frame: Callable[[Mapping[str, Any]], bytes] = frame
    done: bytes = DONE
    """What follows the last one."""
    error: Callable[[ColonnadeError, str], bytes] | None = None
    """What follows instead where it fails, of the error and the request id; None for ``event: error``."""


PLAIN = Framing()
