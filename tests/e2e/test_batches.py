"""Files and batches, through nothing but OpenAI's official client."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import Batch

from tests.harness.platform import Platform, eventually
from tests.harness.tiny_model import write_tiny_bert

CHAT: Any = "/v1/chat/completions"
BODY = {"model": "tiny", "max_tokens": 8, "seed": 5, "logit_bias": {"0": -100}}
LAST = ("completed", "failed", "expired", "cancelled")


def chat(at: int, **change: Any) -> dict[str, Any]:
    return BODY | {"messages": [{"role": "user", "content": f"Hi {at}"}]} | change


def submit(client: OpenAI, *bodies: dict[str, Any], endpoint: Any = CHAT, **more: Any) -> Batch:
    lines = [
        {"custom_id": f"line-{at}", "method": "POST", "url": endpoint, "body": body}
        for at, body in enumerate(bodies)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("lines.jsonl", content), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)


def ended(client: OpenAI, batch: Batch) -> Batch:
    def look() -> Batch | None:
        found = client.batches.retrieve(batch.id)
        return found if found.status in LAST else None

    return eventually(look, 120, "the batch has ended") or batch


def lines_of(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def test_a_batch_from_its_file_to_its_answers(client: OpenAI) -> None:
    made = submit(client, *[chat(at) for at in range(6)], metadata={"team": "é"})
    assert (made.object, made.status, made.metadata) == ("batch", "validating", {"team": "é"})
    batch = ended(client, made)
    assert (batch.status, batch.error_file_id, batch.errors) == ("completed", None, None)
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed) == (6, 6)
    times = [batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at]
    assert None not in times
    assert times == sorted(times, key=lambda at: at or 0)
    found = lines_of(client, batch.output_file_id)
    assert [line["custom_id"] for line in found] == [f"line-{at}" for at in range(6)]
    for at, line in enumerate(found):
        assert (line["error"], line["response"]["status_code"]) == (None, 200)
        alone = client.chat.completions.create(**chat(at))
        answer = line["response"]["body"]
        assert answer["choices"][0]["message"]["content"] == alone.choices[0].message.content
        assert answer["usage"]["completion_tokens"] == 8
    assert batch.id in [each.id for each in client.batches.list(limit=1)]


def test_completions_embeddings_and_responses(client: OpenAI, guarded: Platform, tiny_model: Path) -> None:
    folder = write_tiny_bert(tiny_model.parent / "batched")
    guarded.command("models", "import", str(folder), "--name", "batched")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/v1/completions", BODY | {"prompt": ["one", "two"]}),
        ("/v1/embeddings", {"model": "batched", "input": ["the cat", "sat"]}),
        ("/v1/responses", {"model": "tiny", "input": "Hi", "max_output_tokens": 16}),
    ]
    batches = [submit(client, body, endpoint=endpoint) for endpoint, body in asked]
    bodies = []
    for batch in batches:
        (line,) = lines_of(client, ended(client, batch).output_file_id)
        bodies.append(line["response"]["body"])
    assert [choice["index"] for choice in bodies[0]["choices"]] == [0, 1]
    assert [len(each["embedding"]) for each in bodies[1]["data"]] == [32, 32]
    assert bodies[2]["object"] == "response"


def test_what_is_refused_is_in_the_error_file(client: OpenAI) -> None:
    batch = ended(client, submit(client, chat(1), chat(2, temperature=7), chat(3, model="nothing")))
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 2)
    ranged, unknown = lines_of(client, batch.error_file_id)
    assert (ranged["custom_id"], ranged["response"]["status_code"]) == ("line-1", 400)
    assert ranged["response"]["body"]["error"]["param"] == "temperature"
    assert unknown["response"]["body"]["error"]["code"] == "model_not_found"


def test_a_wrong_file_fails_with_its_lines(client: OpenAI) -> None:
    batch = ended(client, submit(client, chat(1), chat(2, stream=True)))
    assert (batch.status, batch.output_file_id) == ("failed", None)
    assert batch.errors is not None
    (error,) = batch.errors.data or []
    assert (error.code, error.line, error.param) == ("stream_unsupported", 2, "body.stream")


def test_cancelling(client: OpenAI) -> None:
    batch = submit(client, *[chat(at, max_tokens=400) for at in range(200)])
    eventually(lambda: client.batches.retrieve(batch.id).status == "in_progress", 60, "it runs")
    assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
    last = ended(client, batch)
    assert last.status == "cancelled"
    assert last.request_counts is not None
    assert last.request_counts.completed < 200
    if last.request_counts.completed:
        assert len(lines_of(client, last.output_file_id)) == last.request_counts.completed
    assert client.batches.cancel(batch.id).status == "cancelled"


def test_files(client: OpenAI) -> None:
    content = json.dumps({"custom_id": "é\u2028"}, ensure_ascii=False).encode() * 100_000
    file = client.files.create(file=("größe.jsonl", content), purpose="batch")
    assert (file.filename, file.bytes, file.purpose, file.status) == (
        "größe.jsonl", len(content), "batch", "processed",
    )  # fmt: skip
    assert client.files.content(file.id).content == content
    assert client.files.retrieve(file.id) == file
    assert file.id in [each.id for each in client.files.list(purpose="batch", limit=2)]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)


def test_refusals_raise_the_clients_own_classes(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="purpose must be batch"):
        client.files.create(file=("a.jsonl", b"{}"), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError, match="empty"):
        client.files.create(file=("a.jsonl", b""), purpose="batch")
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id="file-1", endpoint=CHAT, completion_window="24h")
    batch = ended(client, submit(client, chat(1)))
    with pytest.raises(openai.ConflictError, match="is completed"):
        client.batches.cancel(batch.id)


def test_a_revoked_key_ends_its_batch(client: OpenAI, guarded: Platform) -> None:
    secret = guarded.command("keys", "create", "worker").stdout.strip()
    worker = client.with_options(api_key=secret)
    batch = submit(worker, *[chat(at, max_tokens=400) for at in range(300)])
    eventually(lambda: client.batches.retrieve(batch.id).status == "in_progress", 60, "it runs")
    guarded.command("keys", "revoke", secret.split("_")[1])
    last = ended(client, batch)
    assert last.status == "failed"
    assert last.errors is not None
    assert "revoked" in ((last.errors.data or [])[0].message or "")
