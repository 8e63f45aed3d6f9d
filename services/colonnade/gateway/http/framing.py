"""How events are written: server-sent events, one for each object."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from colonnade.errors import ColonnadeError

DONE = b"data: [DONE]\n\n"


def frame(data: Mapping[str, Any]) -> bytes:
    """One event. JSON has no bare line break, so one ``data:`` line holds it."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


@dataclass(frozen=True, slots=True)
class Framing:
    """How a protocol writes its events."""

    frame: Callable[[Mapping[str, Any]], bytes] = frame
    done: bytes = DONE
    """What follows the last one."""
    error: Callable[[ColonnadeError, str], bytes] | None = None
    """What follows instead where it fails, of the error and the request id; None for ``event: error``."""


PLAIN = Framing()
