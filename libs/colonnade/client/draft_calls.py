"""Versions in the making: what is sent, and what comes back."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import quote

from colonnade.client import parsing
from colonnade.client.calls import OCTETS, Call, Request, StreamCall, _given, _path
from colonnade.client.readers import ImportReader
from colonnade.client.results import ImportProgress, Version

PIECE = "application/offset+octet-stream"


@dataclass(frozen=True, slots=True)
class FileToSend:
    path: str
    """Inside the model's folder."""
    size_bytes: int
    digest: str
    """``sha256:`` and 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class DraftFile:
    path: str
    size_bytes: int
    digest: str
    received: int
    """Bytes that are there: where the next piece begins."""

    @property
    def complete(self) -> bool:
        return self.received == self.size_bytes


@dataclass(frozen=True, slots=True)
class Draft:
    model: str
    number: int
    state: str
    """``open``, ``waiting``, ``importing``, ``ready``, ``failed`` or ``discarded``."""
    message: str = ""
    """Why it failed, or how far it is."""
    fraction: float = 0.0
    source: str = ""
    alias: str = ""
    base: str = ""
    description: str = ""
    files: tuple[DraftFile, ...] = ()
    created_at: datetime | None = None
    created_by: str = ""
    updated_at: datetime | None = None
    version: int = 0
    """When ready: its number, or that of the version with equal content."""

    @property
    def ended(self) -> bool:
        return self.state in ("ready", "failed", "discarded")


@dataclass(frozen=True, slots=True)
class Files:
    files: tuple[DraftFile, ...]


def begin(
    model: str,
    alias: str | None,
    description: str | None,
    base: str | None,
    source: str | None,
    key: str | None,
) -> Call[Draft]:
    """Safe to repeat: the platform knows the key again."""
    body = _given(alias=alias, description=description, base=base, source=source)
    request = Request(
        "POST",
        _path("models", model, "versions"),
        body,
        repeatable=True,
        idempotency_key=key or uuid.uuid4().hex,
    )
    return Call(request, parsing.one(Draft))


def get(model: str, number: int) -> Call[Draft]:
    return Call(Request("GET", _of(model, number), repeatable=True), parsing.one(Draft))


def listed(model: str) -> Call[list[Draft]]:
    request = Request("GET", _path("models", model, "drafts"), repeatable=True)
    return Call(request, parsing.listed("drafts", Draft))


def discard(model: str, number: int) -> Call[None]:
    return Call(Request("DELETE", _of(model, number)), parsing.nothing)


def announce(model: str, number: int, files: Sequence[FileToSend]) -> Call[Files]:
    body = {"files": [asdict(file) for file in files]}
    return Call(Request("PUT", f"{_of(model, number)}/files", body, repeatable=True), parsing.one(Files))


def write(model: str, number: int, path: str, offset: int, piece: bytes) -> Call[DraftFile]:
    """Not repeated: after a broken connection, ask for the offset."""
    request = Request(
        "PATCH",
        f"{_of(model, number)}/files/{quote(path)}",
        raw=piece,
        headers={"content-type": PIECE, "upload-offset": str(offset)},
    )
    return Call(request, parsing.one(DraftFile))


def seal(model: str, number: int) -> StreamCall[ImportProgress, Version]:
    request = Request("POST", f"{_of(model, number)}/seal", accept="text/event-stream")
    return StreamCall(request, ImportReader)


def read(name: str, version: int, path: str, start: int) -> Request:
    """Answered with the file from ``start`` on."""
    headers = {"range": f"bytes={start}-"} if start else None
    whole = f"{_path('models', name, 'versions', str(version))}/files/{quote(path)}"
    return Request("GET", whole, accept=OCTETS, repeatable=True, headers=headers)


def _of(model: str, number: int) -> str:
    return _path("models", model, "drafts", str(number))
