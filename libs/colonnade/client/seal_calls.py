"""Signatures over versions: what is sent, and what comes back."""

from dataclasses import dataclass
from datetime import datetime

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _path


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
    """Newest version first."""

    seals: tuple[Seal, ...]
    key: str
    """That the registry signs with now."""
    public_key: str
    """Its PEM."""


@dataclass(frozen=True, slots=True)
class SealDetail:
    seal: Seal
    bundle: str
    """What ``model_signing`` has in ``model.sig``; empty without a seal."""
    statement: str
    """What ``colonnade-seal.json`` holds, which is signed with the files."""


def list_seals(model: str) -> Call[SealList]:
    return Call(Request("GET", _path("models", model, "seals"), repeatable=True), parsing.one(SealList))


def get(model: str, version: int) -> Call[SealDetail]:
    path = _path("models", model, "versions", str(version), "seal")
    return Call(Request("GET", path, repeatable=True), parsing.one(SealDetail))


def sign(model: str, version: int) -> Call[Seal]:
    """Safe to repeat: the last one counts."""
    path = _path("models", model, "versions", str(version), "seal")
    return Call(Request("POST", path, repeatable=True), parsing.one(Seal))
