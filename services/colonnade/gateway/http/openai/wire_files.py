"""Files and batches as OpenAI writes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.batches import (
    COMPLETION_WINDOW,
    MAX_METADATA,
    MAX_METADATA_KEY,
    MAX_METADATA_VALUE,
    Batch,
    Status,
)
from colonnade.gateway.domain.files import FileRecord
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.service.batches.batches import BatchOrder
from colonnade.security.inputs import check_text

_MAX_ID = 64
_LATER = tuple(status for status in Status if status is not Status.VALIDATING)
Endpoint = Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"]


class FileObject(BaseModel):
    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None
    expires_at: None = None

    @classmethod
    def of(cls, record: FileRecord) -> "FileObject":
        return cls(
            id=record.id,
            bytes=record.size_bytes,
            created_at=int(record.created_at.timestamp()),
            filename=record.filename,
            purpose=record.purpose.value,
        )


class Listed(BaseModel):
    object: Literal["list"]
    first_id: str | None
    last_id: str | None = Field(description="To be sent as `after`, for the next page.")
    has_more: bool


class FileList(Listed):
    data: list[FileObject]


class FileDeleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class BatchBody(Strict):
    input_file_id: str = Field(description="A file that was uploaded with the purpose batch.")
    endpoint: Endpoint = Field(description="What every line of it asks.")
    completion_window: Literal["24h"] = Field(description="What is not done by then is not done.")
    metadata: dict[str, str] | None = Field(
        default=None, description=f"At most {MAX_METADATA} pairs, for you; given back as they are."
    )
    output_expires_after: None = Field(default=None, description="Not supported: files stay until deleted.")

    def order(self, idempotency_key: str) -> BatchOrder:
        check_text(self.input_file_id, "input_file_id", _MAX_ID, controls="line")
        return BatchOrder(self.input_file_id, self.endpoint, _metadata(self.metadata or {}), idempotency_key)


class BatchErrorOut(BaseModel):
    code: str
    message: str
    param: str | None
    line: int | None = Field(description="Of the input file, from 1.")


class BatchErrors(BaseModel):
    object: Literal["list"]
    data: list[BatchErrorOut]


class RequestCounts(BaseModel):
    total: int
    completed: int
    failed: int


class BatchObject(BaseModel):
    """As ``batch_json`` writes it, for the page."""

    id: str
    object: Literal["batch"]
    endpoint: Endpoint
    errors: BatchErrors | None
    input_file_id: str
    completion_window: Literal["24h"]
    status: Status
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    expires_at: int
    in_progress_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    metadata: dict[str, str] | None


class BatchList(Listed):
    data: list[BatchObject]


def batch_json(batch: Batch) -> dict[str, Any]:
    counts = batch.counts
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": _errors(batch),
        "input_file_id": batch.input_file_id,
        "completion_window": COMPLETION_WINDOW,
        "status": batch.status.value,
        "output_file_id": batch.output_file_id or None,
        "error_file_id": batch.error_file_id or None,
        "created_at": int(batch.created_at.timestamp()),
        "expires_at": int(batch.expires_at.timestamp()),
        **{f"{status}_at": _seconds(batch.times.get(status)) for status in _LATER},
        "request_counts": {"total": counts.total, "completed": counts.completed, "failed": counts.failed},
        "metadata": dict(batch.metadata) or None,
    }


def page_json(items: Sequence[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page; ``items`` is one longer where there are more."""
    shown = list(items[:limit])
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(items) > limit,
    }


def _errors(batch: Batch) -> dict[str, Any] | None:
    if not batch.errors:
        return None
    data = [
        {"code": each.code, "message": each.message, "param": each.param, "line": each.line}
        for each in batch.errors
    ]
    return {"object": "list", "data": data}


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _metadata(given: Mapping[str, str]) -> Mapping[str, str]:
    if len(given) > MAX_METADATA:
        raise InvalidArgument(
            f"metadata may have at most {MAX_METADATA} pairs", field="metadata", limit=MAX_METADATA
        )
    for name, value in given.items():
        check_text(name, "a key of metadata", MAX_METADATA_KEY, controls="line")
        check_text(value, "a value of metadata", MAX_METADATA_VALUE, allow_empty=True)
    return given
