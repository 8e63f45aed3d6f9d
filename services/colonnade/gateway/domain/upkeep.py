"""How far looking after the registry is: blobs that nothing names, and backups."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Collected:
    looked_at: int
    removed: int
    removed_bytes: int
    waiting: int
    done: bool


@dataclass(frozen=True, slots=True)
class BackedUp:
    stage: str
    fraction: float
    copied: int
    copied_bytes: int
    kept: int
    dropped: int
    name: str
    digest: str
    at: datetime | None
