"""Files and batches: what both clients send, and what they make of the answer."""

import inspect
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from colonnade.client import AsyncColonnade, BatchError, BatchLine, Colonnade, LineCounts
from colonnade.errors import BudgetSpent, Conflict, InvalidArgument, NotFound, Overloaded
from tests.unit.client.platform import Caller, answer, got

FILE = {"id": "file-1", "object": "file", "bytes": 3, "created_at": 0, "filename": "l", "purpose": "batch"}
BATCH = {
    "id": "batch_1", "object": "batch", "endpoint": "/v1/completions", "input_file_id": "file-1",
    "status": "in_progress", "created_at": 0, "expires_at": 86400, "in_progress_at": 1, "completed_at": None,
    "request_counts": {"total": 3, "completed": 1, "failed": 0}, "errors": None, "metadata": None,
    "output_file_id": None, "error_file_id": None,
}  # fmt: skip
OUTPUT = {
    "custom_id": "a",
    "response": {"status_code": 200, "request_id": "r", "body": {"x": 1}},
    "error": None,
}
UNRUN = {"custom_id": "b", "response": None, "error": {"code": "batch_expired", "message": "late"}}


def content(*lines: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, content=b"".join(json.dumps(line).encode() + b"\n" for line in lines))


async def test_submitting_uploads_and_orders(caller: Caller, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_bytes(b"{}\n")
    caller.answers = [answer(FILE), answer(BATCH)]
    batch = await got(
        caller.client().batches.submit(tmp_path / "lines.jsonl", "/v1/completions", metadata={"a": "b"})
    )
    assert (batch.id, batch.request_counts, batch.errors, batch.ended) == (
        "batch_1", LineCounts(3, 1, 0), [], False,
    )  # fmt: skip
    assert batch.in_progress_at == datetime.fromtimestamp(1, UTC)
    upload, order = caller.requests
    assert (upload.method, upload.url.path, order.url.path) == ("POST", "/v1/files", "/v1/batches")
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="purpose"\r\n\r\nbatch' in upload.content
    assert b'filename="lines.jsonl"' in upload.content
    assert b"\r\n\r\n{}\n\r\n" in upload.content
    assert json.loads(order.content) == {
        "input_file_id": "file-1",
        "endpoint": "/v1/completions",
        "completion_window": "24h",
        "metadata": {"a": "b"},
    }
    assert upload.headers["idempotency-key"] != order.headers["idempotency-key"]


async def test_an_upload_is_repeated_under_the_same_key(caller: Caller) -> None:
    caller.answers = [httpx.ReadError("gone"), answer(FILE)]
    file = await got(caller.client().files.upload(b"{}\n", name="mine.jsonl"))
    assert file.id == "file-1"
    first, second = caller.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.content == second.content


async def test_a_file_that_cannot_be_read(caller: Caller, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"none.jsonl cannot be read"):
        await got(caller.client().batches.submit(tmp_path / "none.jsonl"))
    assert not caller.requests


async def test_waiting_looks_until_it_has_ended(caller: Caller) -> None:
    errors = {"object": "list", "data": [{"code": "c", "message": "m", "line": 2, "param": "url"}]}
    caller.answers = [answer(BATCH), answer(BATCH | {"status": "failed", "errors": errors})]
    seen: list[str] = []
    batch = await got(
        caller.client().batches.wait("batch_1", every=3, show=lambda each: seen.append(each.status))
    )
    assert seen == ["in_progress", "failed"]
    assert batch.errors == [BatchError("c", "m", 2, "url")]


async def test_results_are_of_both_files(caller: Caller) -> None:
    ended = BATCH | {"status": "expired", "output_file_id": "file-2", "error_file_id": "file-3"}
    caller.answers = [answer(ended), content(OUTPUT), content(UNRUN)]
    assert await got(caller.client().batches.results("batch_1")) == [
        BatchLine("a", 200, {"x": 1}),
        BatchLine("b", error={"code": "batch_expired", "message": "late"}),
    ]
    assert [request.url.path for request in caller.requests[1:]] == [
        "/v1/files/file-2/content", "/v1/files/file-3/content",
    ]  # fmt: skip


async def test_lists_are_read_to_their_end(caller: Caller) -> None:
    first = {"data": [FILE], "has_more": True, "last_id": "file-1"}
    last = {"data": [FILE | {"id": "file-0"}], "has_more": False, "last_id": "file-0"}
    caller.answers = [answer(first), answer(last), answer({"data": [BATCH], "has_more": False})]
    client = caller.client()
    assert [file.id for file in await got(client.files.list())] == ["file-1", "file-0"]
    assert [batch.id for batch in await got(client.batches.list())] == ["batch_1"]
    paths = [request.url.raw_path.decode() for request in caller.requests]
    assert paths == ["/v1/files?limit=100", "/v1/files?limit=100&after=file-1", "/v1/batches?limit=100"]


async def test_the_rest(caller: Caller) -> None:
    caller.answers = [answer(FILE), answer({"deleted": True}), answer(BATCH), answer(BATCH)]
    client = caller.client()
    assert (await got(client.files.get("file-1"))).filename == "l"
    assert await got(client.files.delete("file-1")) is None
    assert (await got(client.batches.cancel("batch_1"))).id == "batch_1"
    assert (await got(client.batches.create("file-1"))).endpoint == "/v1/completions"
    assert json.loads(caller.requests[-1].content)["endpoint"] == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "not_found", NotFound),
        (404, "model_not_found", NotFound),
        (409, "conflict", Conflict),
        (402, "insufficient_quota", BudgetSpent),
        (429, "rate_limit_exceeded", Overloaded),
    ],
)
async def test_refusals_in_openais_shape(caller: Caller, status: int, code: str, kind: type) -> None:
    error = {"message": "no", "type": "invalid_request_error", "param": "batch_id", "code": code}
    caller.answers = [answer({"error": error}, status, x_request_id="r-1")]
    with pytest.raises(kind, match="no") as refused:
        await got(caller.client(max_retries=0).batches.get("batch_1"))
    assert refused.value.details["field"] == "batch_id"  # type: ignore[attr-defined]
    assert refused.value.details["request_id"] == "r-1"  # type: ignore[attr-defined]


def test_both_clients_offer_the_same() -> None:
    with Colonnade() as client:
        other = AsyncColonnade()
        for one, same in (
            (client.files, other.files),
            (client.batches, other.batches),
            (client.keys, other.keys),
        ):
            names = {name for name, _ in inspect.getmembers(type(same), inspect.isfunction)}
            for name, method in inspect.getmembers(type(one), inspect.isfunction):
                parameters = inspect.signature(getattr(type(same), name)).parameters
                assert list(inspect.signature(method).parameters) == list(parameters)
                names.discard(name)
            assert not names
