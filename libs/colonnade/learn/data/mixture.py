"""Which source a row comes from: computed from the row's number, in proportions that hold at every moment.

The first source is set against all the others together, then the second against the rest, and so on. Two
sides of weights w and v are dealt as evenly as whole numbers allow: of the first n rows, side w gets
floor((n w + t) / (w + v)), t drawn from the seed. So a source's rows are numbered without gaps, and of the
first n rows every source has its share up to fewer rows than there are sources (``Mixture.slack``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, lcm

from colonnade.errors import InvalidArgument
from colonnade.learn.data.permutation import key_of


@dataclass(frozen=True, slots=True)
class _Fork:
    """One source against those behind it."""

    source: int
    weight: int
    total: int
    offset: int

    def before(self, rows: int) -> int:
        """How many of the first ``rows`` that come here are the source's."""
        return (rows * self.weight + self.offset) // self.total


class Mixture:
    """Sources in a fixed order with weights that need not sum to one; a weight of 0 is never drawn."""

    def __init__(self, weights: Mapping[str, float], seed: int) -> None:
        self.names = tuple(weights)
        parts = _whole(weights)
        self.shares = tuple(Fraction(part, sum(parts)) for part in parts)
        self._forks = []
        left = sum(parts)
        for source, part in enumerate(parts):
            if part:
                offset = key_of(seed, "mixture", self.names[source]) % left
                self._forks.append(_Fork(source, part, left, offset))
                left -= part

    @property
    def slack(self) -> int:
        """Of any first n rows, a source has its share of n give or take fewer rows than this."""
        return len(self._forks)

    def draw(self, row: int) -> tuple[int, int]:
        """Row ``row``'s source, and which of that source's rows it is: (source, index within the source)."""
        for fork in self._forks[:-1]:
            before = fork.before(row)
            if fork.before(row + 1) > before:
                return fork.source, before
            row -= before
        return self._forks[-1].source, row

    def drawn(self, rows: int) -> Sequence[int]:
        """How many of the first ``rows`` rows each source gives."""
        counts = [0] * len(self.names)
        for fork in self._forks[:-1]:
            counts[fork.source] = fork.before(rows)
            rows -= counts[fork.source]
        counts[self._forks[-1].source] = rows
        return counts


def _whole(weights: Mapping[str, float]) -> list[int]:
    """The weights as whole numbers in the same proportions, each read as it is written (0.1 is one tenth)."""
    for name, weight in weights.items():
        if not isfinite(weight) or weight < 0:
            raise InvalidArgument(
                f"mixture.{name} is {weight}; a weight is 0 or more", field=f"mixture.{name}", limit=0
            )
    exact = [Fraction(str(weight)) for weight in weights.values()]
    if not any(exact):
        raise InvalidArgument("mixture: at least one source needs a weight above 0", field="mixture")
    whole = lcm(*(weight.denominator for weight in exact))
    return [int(weight * whole) for weight in exact]
