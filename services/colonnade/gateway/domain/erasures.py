"""Erasures of people, as the memory service tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ErasureStep:
    service: str
    round: int
    done_at: datetime | None = None
    tries: int = 0
    reason: str = ""
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AffectedVersion:
    model: str
    version: str
    why: str


@dataclass(frozen=True, slots=True)
class Erasure:
    id: str
    tenant: str
    mark: str
    why: str
    asked_by: str
    began_at: datetime
    ended_at: datetime | None = None
    steps: tuple[ErasureStep, ...] = ()
    affected: tuple[AffectedVersion, ...] = ()
    receipt: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NewErasure:
    subject: str = field(repr=False)
    why: str = ""
    tenant: str = ""
    """Empty: the caller's."""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class ErasurePage:
    erasures: tuple[Erasure, ...]
    next_page: str = ""
