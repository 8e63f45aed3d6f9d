"""Reports of bias, as the ethics service tells of them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BiasFigure:
    """``low`` to ``high`` is its 95 % interval."""

    set: str
    dimension: str
    measure: str
    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class BiasReport:
    id: str
    model: str
    version: int
    digest: str
    sets: tuple[str, ...]
    state: str
    created_at: datetime
    by: str
    done: int = 0
    """Probes, of ``total``."""
    total: int = 0
    figures: tuple[BiasFigure, ...] = ()
    why: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewBiasReport:
    model: str
    version: int = 0
    """0: the one that the name stands for."""
    sets: tuple[str, ...] = ()
    """Empty: ``builtin``."""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class BiasReportPage:
    reports: tuple[BiasReport, ...]
    next_page: str = ""


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
    """The demographic parity difference of favourable answers; ``low`` to ``high`` is its 95 % interval."""

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
