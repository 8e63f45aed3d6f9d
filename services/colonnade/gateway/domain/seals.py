"""Signatures over versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Seal:
    """``key`` is the id of the key that made it; empty: the version has no seal."""

    version: int
    key: str = ""
    current: bool = False
    """Made with the key that the registry signs with now."""
    sealed_at: datetime | None = None
    sealed_by: str = ""


@dataclass(frozen=True, slots=True)
class SealList:
    seals: Sequence[Seal]
    key: str
    public_key: str


@dataclass(frozen=True, slots=True)
class SealDetail:
    seal: Seal
    bundle: str
    """What ``model_signing`` has in ``model.sig``."""
    statement: str
    """What ``colonnade-seal.json`` holds, which is signed with the files."""
