"""Which checkpoints stay: the last ones, some of the older ones, and the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from colonnade.errors import InvalidArgument
from colonnade.learn.checkpoints.snapshot import Json


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint that is there, without its tensors."""

    step: int
    epoch: float
    bytes: int
    """Of its tensors."""
    metrics: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Best:
    """Which of two checkpoints is the better one."""

    metric: str = "validation.loss"
    """Its way through the fact ``metrics``, with dots."""
    goal: Literal["min", "max"] = "min"

    def __post_init__(self) -> None:
        _check(bool(self.metric), "metric", "a name, as validation.loss")
        _check(self.goal in ("min", "max"), "goal", "min or max")

    def value(self, metrics: Mapping[str, Json]) -> float | None:
        """None where it was not measured."""
        found: Json = metrics
        for name in self.metric.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def ranked(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that were measured, best first; of equals the earlier."""
        sign = 1 if self.goal == "min" else -1
        measured = [(value, entry) for entry in entries if (value := self.value(entry.metrics)) is not None]
        return [entry for _, entry in sorted(measured, key=lambda each: (sign * each[0], each[1].step))]


@dataclass(frozen=True, slots=True)
class Retention:
    """What any of these rules names stays. The newest always does."""

    keep_last: int = 3
    keep_every: int | None = None
    """Those whose step is a multiple of this stay for good."""
    best: Best | None = None
    keep_best: int = 1

    def __post_init__(self) -> None:
        _check(self.keep_last >= 1, "keep_last", "at least 1: the newest is what a run goes on from")
        _check(self.keep_every is None or self.keep_every >= 1, "keep_every", "at least 1 step, or None")
        _check(self.keep_best >= 1, "keep_best", "at least 1; leave best out to keep none for its metric")

    def kept(self, entries: Sequence[Entry]) -> set[int]:
        """The steps that stay."""
        kept = set(sorted(entry.step for entry in entries)[-self.keep_last :])
        if self.keep_every is not None:
            kept |= {entry.step for entry in entries if entry.step % self.keep_every == 0}
        if self.best is not None:
            kept |= {entry.step for entry in self.best.ranked(entries)[: self.keep_best]}
        return kept


def _check(holds: bool, field: str, limit: str) -> None:
    if not holds:
        raise InvalidArgument(f"retention: {field} must be {limit}", field=field, limit=limit)
