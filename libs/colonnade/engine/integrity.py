"""Refusals of what is not what it is said to be: counted, and marked so that who hears of one can tell."""

from typing import Literal

from colonnade.errors import Conflict
from colonnade.telemetry.metrics import counter

REFUSED = counter("engine_refused", "loads", "Loads refused because of what was to be loaded", ("reason",))


def distrusted(what: Literal["seal", "manifest", "file"], message: str, **details: str) -> Conflict:
    """The refusal of a version because its seal, its manifest or a file of it is not what it should be."""
    REFUSED.labels(what).inc()
    return Conflict(message, integrity=what, **details)
