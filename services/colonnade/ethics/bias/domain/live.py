"""What is counted of a sample of the traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.ethics.bias.domain.reports import Version


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer of the traffic; ``version`` is None where nobody told it."""

    tenant: str
    where: str
    input: str = field(repr=False)
    output: str = field(repr=False)
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    tenant: str
    model: str
    """``name:version``, or a route where no version is told."""
    dimension: str
    group: str
    hour: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers to requests that name the group."""

    seen: int = 0
    refused: int = 0
    unkind: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.seen + other.seen, self.refused + other.refused, self.unkind + other.unkind)

    @property
    def favourable(self) -> int:
        return self.seen - self.refused - self.unkind


@dataclass(frozen=True, slots=True)
class Alarm:
    tenant: str
    model: str
    dimension: str
    at: datetime
    observed: int
    """Compared answers since the watch began or last alarmed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The demographic parity difference of favourable answers among a dimension's groups."""

    model: str
    dimension: str
    value: float
    low: float
    high: float
    seen: int


@dataclass(frozen=True, slots=True)
class Live:
    cells: Mapping[Cell, Tally]
    gaps: Sequence[Gap]
    alarms: Sequence[Alarm]
