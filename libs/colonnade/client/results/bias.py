"""Reports of what versions make of people of different groups."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BiasFigure:
    set: str
    dimension: str
    """``all``: over the whole set."""
    measure: str
    value: float
    low: float
    """Of the interval that has it with 95 %."""
    high: float
    count: int
    """Of how many probes it is."""


@dataclass(frozen=True, slots=True)
class BiasReport:
    id: str
    model: str
    version: int
    digest: str
    sets: tuple[str, ...]
    state: str
    """``queued``, ``running``, ``done`` or ``failed``."""
    created_at: datetime
    by: str = ""
    """Empty: somebody who was erased."""
    done: int = 0
    """Probes, of ``total``."""
    total: int = 0
    """0 until it runs."""
    why: str = ""
    """Where it failed."""
    figures: tuple[BiasFigure, ...] = ()
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class BiasCell:
    """Sampled answers of an hour to requests that name a group."""

    model: str
    dimension: str
    group: str
    hour: datetime
    seen: int
    refused: int
    unkind: int


@dataclass(frozen=True, slots=True)
class BiasGap:
    """The greatest share of favourable answers of a group less the least, with its 95 % interval."""

    model: str
    dimension: str
    value: float
    low: float
    high: float
    seen: int


@dataclass(frozen=True, slots=True)
class BiasAlarm:
    model: str
    dimension: str
    at: datetime
    observed: int
    """Comparisons since the watch began, or last alarmed."""


@dataclass(frozen=True, slots=True)
class LiveBias:
    cells: tuple[BiasCell, ...] = ()
    gaps: tuple[BiasGap, ...] = ()
    alarms: tuple[BiasAlarm, ...] = ()
    """Newest first."""
