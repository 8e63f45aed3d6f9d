"""From a token set to batches: ``batch(step)`` is a function of the step, whatever was read before.

Step s of R rows has the rows [sR, sR + R) of the mixture; of these, rank k of w takes the k-th of w parts,
as even as can be. So the ranks together learn from what one process would, and a run goes on where it stopped
by asking for that step. Reading ahead is asking early.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import IGNORE, Sample, TokenBatch, check_rank, collate
from colonnade.learn.data.documents import DocumentRows
from colonnade.learn.data.lengths import nothing
from colonnade.learn.data.mixture import Mixture
from colonnade.learn.data.packing import Rows, StreamRows
from colonnade.learn.data.permutation import Permutation, key_of
from colonnade.learn.data.read_ahead import read_ahead
from colonnade.learn.data.token_set import TokenRow

__all__ = ["IGNORE", "Loader", "LoaderSettings", "TokenBatch"]


@dataclass(frozen=True, slots=True)
class LoaderSettings:
    tokens: int
    """T: the length of a row."""
    rows: int
    """R: the rows of a step, of all ranks together."""
    packing: Literal["stream", "documents"] = "stream"
    mixture: Mapping[str, float] = field(default_factory=dict)
    """How often each source is drawn, in any unit; a source that is not named is not drawn. Empty: by their
    numbers of rows, so that all are through at the same time."""
    ahead: int = 2
    """How many batches ``stream`` makes before they are asked for."""


class Loader:
    """Batches from the sources of one split, without end. Safe to share between threads."""

    def __init__(
        self, held: Mapping[str, TokenRow], settings: LoaderSettings, *,
        end_of_text: int, seed: int, rank: int = 0, world: int = 1,
    ) -> None:  # fmt: skip
        """Raises ``InvalidArgument`` where ``held`` has too little for a row, or ``settings`` do not fit."""
        _check(held, settings, rank, world)
        self._settings, self._end, self._seed = settings, end_of_text, seed
        self._first, self._end_row = (settings.rows * each // world for each in (rank, rank + 1))
        made = {
            name: _rows(row, settings, key_of(seed, "rows", name), end_of_text)
            for name, row in held.items()
            if not settings.mixture or settings.mixture.get(name)
        }
        self._mixture = Mixture(_weighed(settings, made), seed)
        self._made = tuple(made.values())

    @property
    def sources(self) -> tuple[str, ...]:
        """What ``TokenBatch.sources_B`` counts."""
        return self._mixture.names

    @property
    def rows(self) -> Mapping[str, int]:
        """How many rows each source has: its draws in an epoch of its own."""
        return {name: rows.count for name, rows in zip(self.sources, self._made, strict=True)}

    def batch(self, step: int) -> TokenBatch:
        """This rank's part of a step's rows: (about R / world, T). A rank for which there is none gets one
        row without any target."""
        if step < 0:
            raise InvalidArgument(f"there is no step {step}; the first is 0", field="step", limit=0)
        first = step * self._settings.rows
        drawn = [self._mixture.draw(row) for row in range(first + self._first, first + self._end_row)]
        return self._collated([(source, self._made[source].draw(index)) for source, index in drawn])

    def stream(self, start: int) -> AbstractContextManager[Iterator[TokenBatch]]:
        """batch(start), batch(start + 1) ... read ahead by one thread, which is gone when this is left."""
        return read_ahead(self.batch, start, self._settings.ahead)

    def whole(self, batches: int | None = None) -> Iterator[TokenBatch]:
        """Every row of every source exactly once, whatever the mixture; or the first ``batches`` batches of
        that, always the same. For evaluations. The last batch may be smaller, and a rank's part of it one row
        without any target: all ranks have as many batches."""
        total = sum(self.rows.values())
        order = Permutation(total, key_of(self._seed, "whole"))
        steps = -(-total // self._settings.rows)
        for step in range(steps if batches is None else min(batches, steps)):
            first = step * self._settings.rows
            places = range(first + self._first, min(first + self._end_row, total))
            found = [self._find(order(place)) for place in places]
            yield self._collated([(source, self._made[source].row(number)) for source, number in found])

    def epoch(self, step: int) -> float:
        """How often all rows have been seen before ``step``, on average."""
        return step * self._settings.rows / sum(self.rows.values())

    def epochs(self, step: int) -> Mapping[str, float]:
        """How often each source's rows have been seen before ``step``."""
        drawn = zip(self.sources, self._mixture.drawn(step * self._settings.rows), strict=True)
        return {name: count / max(1, self.rows[name]) for name, count in drawn}

    def _collated(self, rows: Sequence[tuple[int, Sample]]) -> TokenBatch:
        """Of each row's source and the row itself."""
        samples = [row for _, row in rows] or [nothing(self._end)]
        return collate(samples, [source for source, _ in rows] or [0], pad=self._end)

    def _find(self, number: int) -> tuple[int, int]:
        """Of all sources' rows laid end to end, which source's and which of its rows."""
        for source, rows in enumerate(self._made):
            if number < rows.count:
                return source, number
            number -= rows.count
        raise IndexError(number)


def _weighed(settings: LoaderSettings, rows: Mapping[str, Rows]) -> dict[str, float]:
    """The mixture's weights, those of sources without a row found out."""
    for name, made in rows.items():
        if settings.mixture and not made.count:
            raise InvalidArgument(
                f"mixture.{name}: the source has too few tokens for a row of {settings.tokens}; shorten"
                " the rows, leave it out or add to it", field=f"mixture.{name}", limit=settings.tokens,
            )  # fmt: skip
    if not any(made.count for made in rows.values()):
        raise InvalidArgument(
            f"no source has enough tokens for a row of {settings.tokens}; shorten the rows or add text",
            field="tokens", limit=settings.tokens,
        )  # fmt: skip
    return {name: settings.mixture.get(name, made.count) for name, made in rows.items()}


def _rows(row: TokenRow, settings: LoaderSettings, key: int, end_of_text: int) -> Rows:
    if settings.packing == "documents":
        return DocumentRows(row, settings.tokens, key, end_of_text=end_of_text)
    return StreamRows(row, settings.tokens, key)


def _check(held: Mapping[str, TokenRow], settings: LoaderSettings, rank: int, world: int) -> None:
    if settings.tokens < 1:
        raise InvalidArgument("tokens must be 1 or more", field="tokens", limit=1)
    check_rank(rank, world)
    if settings.rows < 1:
        raise InvalidArgument("rows must be 1 or more", field="rows", limit=1)
    if unknown := sorted(settings.mixture.keys() - held.keys()):
        raise InvalidArgument(
            f"mixture names {', '.join(unknown)}; the token set has {', '.join(held)}", field="mixture"
        )
    if settings.mixture and not any(settings.mixture.values()):
        raise InvalidArgument("mixture: at least one source needs a weight above 0", field="mixture")
