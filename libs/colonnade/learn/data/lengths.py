"""Dynamic batching: samples of like length share a batch, so that little of it is padding.

Each epoch has an order of its own. It is cut into windows; within a window samples are sorted by length and
cut into steps of at most so many padded places (rows x the longest); then the epoch's steps are shuffled. So
every sample comes once an epoch, and a step is a function of its number. A step's cost is bounded, but its
rows and targets vary: a mean over several batches must be weighted by ``TokenBatch.learnt``.
"""

import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import Sample, TokenBatch, Tokens, check_rank, collate
from colonnade.learn.data.permutation import key_of, shuffled
from colonnade.learn.data.read_ahead import read_ahead
from colonnade.learn.data.samples import Samples


@dataclass(frozen=True, slots=True)
class LengthSettings:
    places: int
    """Most padded places (inputs) of a step, of all ranks together."""
    window: int = 1024
    """Samples that are sorted together: more pad less, fewer are nearer to drawing at random."""
    ahead: int = 2
    """How many batches ``stream`` makes before they are asked for."""


class LengthPlan:
    """Which samples make which step. Safe to share between threads; 24 bytes a sample."""

    def __init__(self, places: Tokens, settings: LengthSettings, key: int) -> None:
        """Raises ``InvalidArgument`` where a sample is longer than a step may be."""
        if not places.size:
            raise InvalidArgument("there is no sample to learn from", field="samples")
        if (longest := int(places.max())) > settings.places:
            raise InvalidArgument(
                f"a sample has {longest} places, a step at most {settings.places}; raise places or cut it",
                field="places", limit=settings.places,
            )  # fmt: skip
        self._places, self._settings, self._key = np.maximum(places, 1), settings, key
        self._firsts = [0]
        self._lock = threading.Lock()
        self._planned = lru_cache(2)(self._plan)

    def step(self, step: int) -> Tokens:
        """The samples of a step, the shortest first."""
        epoch, within = self._find(step)
        return self._planned(epoch)[within]

    def epoch(self, step: int) -> float:
        """How often all samples have been seen before ``step``."""
        epoch, within = self._find(step)
        return epoch + within / len(self._planned(epoch))

    def steps(self, epoch: int = 0) -> int:
        """How many steps an epoch has."""
        return len(self._planned(epoch))

    def padding(self, epoch: int = 0) -> float:
        """The share of an epoch's places that is padding."""
        widths = [int(self._places[rows].max()) * rows.size for rows in self._planned(epoch)]
        return 1 - int(self._places.sum()) / max(1, sum(widths))

    def _find(self, step: int) -> tuple[int, int]:
        """Its epoch, and which of the epoch's steps it is."""
        if step < 0:
            raise InvalidArgument(f"there is no step {step}; the first is 0", field="step", limit=0)
        with self._lock:
            while self._firsts[-1] <= step:
                self._firsts.append(self._firsts[-1] + len(self._planned(len(self._firsts) - 1)))
            epoch = bisect_right(self._firsts, step) - 1
            return epoch, step - self._firsts[epoch]

    def _plan(self, epoch: int) -> Sequence[Tokens]:
        order = shuffled(self._places.size, key_of(self._key, epoch, "samples"))
        steps: list[Tokens] = []
        for start in range(0, order.size, self._settings.window):
            window = order[start : start + self._settings.window]
            steps += self._cut(window[np.argsort(self._places[window], kind="stable")])
        return [steps[number] for number in shuffled(len(steps), key_of(self._key, epoch, "steps"))]

    def _cut(self, rows: Tokens) -> Iterator[Tokens]:
        """Steps of samples that are sorted by length: as many as the last one's width lets in."""
        first = 0
        for row, width in enumerate(self._places[rows].tolist()):
            if (row + 1 - first) * width > self._settings.places:
                yield rows[first:row]
                first = row
        yield rows[first:]


class LengthLoader:
    """Batches of samples of one or more sources, all of them once an epoch."""

    def __init__(
        self, held: Mapping[str, Samples], settings: LengthSettings, *,
        pad: int, seed: int, rank: int = 0, world: int = 1,
    ) -> None:  # fmt: skip
        check_rank(rank, world)
        self._held, self._pad, self._ahead = tuple(held.values()), pad, settings.ahead
        self._rank, self._world = rank, world
        self.sources = tuple(held)
        """What ``TokenBatch.sources_B`` counts."""
        self._firsts = np.cumsum([0, *(samples.places.size for samples in self._held)])
        places = np.concatenate([np.empty(0, np.int64), *(samples.places for samples in self._held)])
        self.plan = LengthPlan(places, settings, key_of(seed, "lengths"))

    def batch(self, step: int) -> TokenBatch:
        """This rank's part of a step's samples, padded to its longest: (rows, T), both varying. A rank for
        which there is none gets one row without any target."""
        numbers = share(self.plan.step(step), self._rank, self._world)
        sources = (np.searchsorted(self._firsts, numbers, side="right") - 1).tolist()
        samples = [
            self._held[source].sample(int(number - self._firsts[source]))
            for source, number in zip(sources, numbers, strict=True)
        ]
        return collate(samples or [nothing(self._pad)], sources or [0], pad=self._pad)

    def stream(self, start: int) -> AbstractContextManager[Iterator[TokenBatch]]:
        """batch(start), batch(start + 1) ... read ahead by one thread, which is gone when this is left."""
        return read_ahead(self.batch, start, self._ahead)

    def whole(self, batches: int | None = None) -> Iterator[TokenBatch]:
        """Every sample exactly once, or the first ``batches`` batches of that, always the same."""
        steps = self.plan.steps()
        return map(self.batch, range(steps if batches is None else min(batches, steps)))

    def epoch(self, step: int) -> float:
        """How often all samples have been seen before ``step``."""
        return self.plan.epoch(step)


def share(numbers: Tokens, rank: int, world: int) -> Tokens:
    """One of ``world`` parts of a step's samples, as even as can be."""
    return np.array_split(numbers, world)[rank]


def nothing(pad: int) -> Sample:
    """A row without any target."""
    return Sample(np.array([pad]), np.zeros(1, np.bool_))
