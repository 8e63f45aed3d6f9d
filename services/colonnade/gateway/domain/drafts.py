"""Versions in the making, as the gateway shows them and hands on what is uploaded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """What the registry is asked to begin. Without a source, files are uploaded."""

    model: str
    description: str = ""
    alias: str = ""
    base: str = ""
    source: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class DraftFile:
    path: str
    size_bytes: int
    digest: str
    received: int = 0

    @property
    def complete(self) -> bool:
        return self.received == self.size_bytes


@dataclass(frozen=True, slots=True)
class Draft:
    model: str
    number: int
    state: str
    """open, waiting, importing, ready, failed or discarded."""
    message: str
    """Why it failed, or how far it is."""
    fraction: float
    source: str
    alias: str
    base: str
    description: str
    files: tuple[DraftFile, ...]
    created_at: datetime
    created_by: str
    updated_at: datetime
    version: int
    """Once it is ready: its own number, or that of the version with equal content; else 0."""
