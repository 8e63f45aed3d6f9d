"""Erasures of people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ErasureStep:
    """What one service does of it; each is asked in two rounds."""

    service: str
    round: int
    done_at: datetime | None = None
    tries: int = 0
    reason: str = ""
    """Why the last try was in vain."""
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AffectedVersion:
    """Made from what the subject gave: a person decides what becomes of it."""

    model: str
    version: str
    """Empty: every version of the model."""
    why: str


@dataclass(frozen=True, slots=True)
class Erasure:
    id: str
    state: str
    """``running`` or ``done``."""
    tenant: str
    subject_mark: str
    """Stands for the subject, who is named nowhere."""
    why: str
    asked_by: str
    began_at: datetime
    ended_at: datetime | None = None
    steps: tuple[ErasureStep, ...] = ()
    affected: tuple[AffectedVersion, ...] = ()
    receipt: Mapping[str, Any] | None = field(default=None, repr=False)
    """Signed; None while it goes on."""
