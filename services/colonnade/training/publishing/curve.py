"""How a run's loss went, out of its log: what was measured at which step, thinned out evenly."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colonnade.training.ports import Entry, Journal

_KINDS = {"step": "loss", "evaluation": "validation.loss"}


@dataclass(frozen=True, slots=True)
class Point:
    key: str
    """loss, or validation.loss."""
    step: int
    value: float
    at: float


async def curve_of(journal: Journal, job_id: str) -> Sequence[Point]:
    """By key, then step. Of a step that was run again the later one counts."""
    found: dict[tuple[str, int], Point] = {}
    offset = 0
    while True:
        read = await journal.read(job_id, offset)
        for point in _points(read.entries):
            found[point.key, point.step] = point
        if read.offset == offset:
            return [found[key] for key in sorted(found)]
        offset = read.offset


def thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """At most so many, evenly; the first and the last among them."""
    if len(points) <= most:
        return points
    return [points[round(at * (len(points) - 1) / (most - 1))] for at in range(most)]


def _points(entries: Iterable[Entry]) -> Iterable[Point]:
    for entry in entries:
        value = entry.values.get("loss") if entry.kind in _KINDS else None
        if value is not None and math.isfinite(value) and entry.step >= 0:
            yield Point(_KINDS[entry.kind], entry.step, value, entry.at)
