"""Files and batches: what is sent, and what comes back."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import OCTETS, Call, Form, Request, _path
from colonnade.errors import InvalidArgument

CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class File:
    id: str
    filename: str
    bytes: int
    created_at: datetime
    purpose: str
    """``batch``, or ``batch_output`` for what a batch has left."""


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why a batch failed; ``line`` is one of the input file, from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class LineCounts:
    total: int = 0
    completed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    id: str
    endpoint: str
    input_file_id: str
    status: str
    """``validating``, ``in_progress``, ``finalizing``, ``cancelling``; in the end ``completed``, ``failed``,
    ``expired`` or ``cancelled``."""
    created_at: datetime
    expires_at: datetime
    request_counts: LineCounts = LineCounts()
    errors: list[BatchError] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    in_progress_at: datetime | None = None
    finalizing_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    expired_at: datetime | None = None
    cancelling_at: datetime | None = None
    cancelled_at: datetime | None = None
    metadata: dict[str, str] | None = None

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True, slots=True)
class BatchLine:
    """What became of a line: the endpoint's whole answer or refusal; ``error`` where it was never run."""

    custom_id: str
    status_code: int | None = None
    body: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    data: list[Any]
    has_more: bool
    last_id: str | None = None


def upload(file: str | Path | bytes, name: str | None) -> Call[File]:
    """Safe to repeat: the platform knows the same key and content again."""
    form = Form("batch", *_read(file, name))
    request = Request("POST", "/v1/files", form=form, repeatable=True, idempotency_key=uuid.uuid4().hex)
    return Call(request, parsing.one(File))


def create(file_id: str, endpoint: str, metadata: Mapping[str, str] | None) -> Call[Batch]:
    body: dict[str, Any] = {
        "input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h"
    }  # fmt: skip
    body |= {"metadata": dict(metadata)} if metadata else {}
    request = Request("POST", "/v1/batches", body, repeatable=True, idempotency_key=uuid.uuid4().hex)
    return Call(request, read_batch)


def page_of(what: str, after: str) -> Call[Page]:
    query = urlencode({"limit": 100} | ({"after": after} if after else {}))
    return Call(Request("GET", f"/v1/{what}?{query}", repeatable=True), parsing.one(Page))


def get_file(file_id: str) -> Call[File]:
    return Call(Request("GET", _path("v1", "files", file_id), repeatable=True), parsing.one(File))


def content(file_id: str) -> Call[bytes]:
    path = _path("v1", "files", file_id, "content")
    return Call(Request("GET", path, accept=OCTETS, repeatable=True), lambda _status, body: bytes(body))


def delete_file(file_id: str) -> Call[None]:
    return Call(Request("DELETE", _path("v1", "files", file_id)), parsing.nothing)


def get_batch(batch_id: str) -> Call[Batch]:
    return Call(Request("GET", _path("v1", "batches", batch_id), repeatable=True), read_batch)


def cancel(batch_id: str) -> Call[Batch]:
    return Call(Request("POST", _path("v1", "batches", batch_id, "cancel"), repeatable=True), read_batch)


def lines_in(data: bytes) -> Iterator[BatchLine]:
    """Of an output or error file."""
    for raw in data.splitlines():
        line = json.loads(raw)
        answer = line["response"] or {}
        yield BatchLine(line["custom_id"], answer.get("status_code"), answer.get("body"), line["error"])


def read_batch(status: int, body: Any) -> Batch:
    errors = body.get("errors") if isinstance(body, Mapping) else None
    told = {**body, "errors": errors["data"] if errors else []} if isinstance(body, Mapping) else body
    return parsing.decoded(Batch, told)


def _read(file: str | Path | bytes, name: str | None) -> tuple[str, bytes]:
    if isinstance(file, bytes):
        return name or "lines.jsonl", file
    path = Path(file).expanduser()
    try:
        return name or path.name, path.read_bytes()
    except OSError as error:
        raise InvalidArgument(f"{path.name} cannot be read: {error.strerror}", field="file") from None
