"""What a run has measured, as curves: the steps that count, and few enough points to be drawn."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from colonnade.client import Point

Points: TypeAlias = Sequence[tuple[int, float | None]]
"""Steps and what was measured; None for what is no finite number."""
MOST = 300
"""A curve that has twice as many points keeps the least and the greatest of each stretch of steps."""
FIGURES = ("loss", "learning_rate", "gradient_norm", "tokens_per_second", "accuracy")
MEMORY = "memory"
"""In the name of every figure that tells of it."""
_MOST_MEMORY = 8
_PACE_OF = 20


class Measured:
    """Of one run, as far as it was asked for. What is told of a step takes the place of what was told before
    of it and of later steps: a run that goes on from a checkpoint tells some of them again."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, bool], list[tuple[int, float | None]]] = {}
        self._lately: deque[tuple[int, float]] = deque(maxlen=_PACE_OF)
        self._asked_to = 0

    def from_step(self, step: int) -> int:
        """Where to ask on, of a worker that is at ``step``: what is of the last step may not be whole."""
        last = max((curve[-1][0] for curve in self._curves.values()), default=0)
        begin, self._asked_to = min(last, self._asked_to, step), step
        return begin

    def add(self, points: Iterable[Point]) -> None:
        for point in points:
            if not point.evaluation:
                self._pass(point)
            for name, value in point.metrics.items():
                if name in FIGURES or self._is_memory(name):
                    _append(self._curves.setdefault((name, point.evaluation), []), point.step, value)

    def curve(self, name: str, *, evaluation: bool = False) -> Points:
        return tuple(self._curves.get((name, evaluation), ()))

    @property
    def memory(self) -> list[str]:
        """The figures that tell of memory."""
        return sorted({name for name, evaluation in self._curves if MEMORY in name and not evaluation})

    @property
    def pace(self) -> float:
        """Steps a second, lately; 0 while that cannot be said."""
        if len(self._lately) < 2:
            return 0.0
        (first, begun), (last, ended) = self._lately[0], self._lately[-1]
        return (last - first) / (ended - begun) if ended > begun else 0.0

    def _pass(self, point: Point) -> None:
        """Told of the same step again, or of an earlier one: what came before tells no pace."""
        if self._lately and self._lately[-1][0] == point.step:
            return
        if self._lately and self._lately[-1][0] > point.step:
            self._lately.clear()
        self._lately.append((point.step, point.at.timestamp()))

    def _is_memory(self, name: str) -> bool:
        known = self.memory
        return MEMORY in name and (name in known or len(known) < _MOST_MEMORY)


def thinned(points: Points, most: int = MOST) -> Points:
    """At most so many, and the last; dips and peaks stay. Stretches are powers of two, so that what is
    thinned again as it grows does not move."""
    if len(points) <= most:
        return points
    span, stretch = points[-1][0] - points[0][0] + 1, 1
    while span // stretch + 2 > most // 2:
        stretch *= 2
    kept: dict[int, list[tuple[int, float | None]]] = {}
    for point in points:
        kept.setdefault(point[0] // stretch, []).append(point)
    return [*(point for some in kept.values() for point in _ends(some) if point != points[-1]), points[-1]]


def _append(curve: list[tuple[int, float | None]], step: int, value: float | None) -> None:
    while curve and curve[-1][0] >= step:
        curve.pop()
    curve.append((step, value))
    if len(curve) > 2 * MOST:
        curve[:] = thinned(curve)


def _ends(points: Points) -> Points:
    """The least and the greatest, in their order; of what is no number, that it was."""
    numbers = [(value, step) for step, value in points if value is not None]
    if not numbers:
        return points[:1]
    return sorted({(step, value) for value, step in (min(numbers), max(numbers))})
