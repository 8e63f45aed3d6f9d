"""The gateway killed in the middle of a batch, several times: no line is lost, and none has two results."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.harness.platform import Platform, eventually, running
from tests.harness.tiny_model import write_tiny_llama

KEY = f"ck_{'a' * 16}_{'b' * 43}"
ENDPOINT: Any = "/v1/completions"
LINES, TOKENS, AT_ONCE, KILLS = 240, 64, 4, 3


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A dead gateway's lease ends soon."""
    model = write_tiny_llama(tmp_path_factory.mktemp("tiny"))
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(Path(model).parent),
        COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
        COLONNADE_API_KEY=KEY,
        COLONNADE_GATEWAY_BATCH_LINES_AT_ONCE=str(AT_ONCE),
        COLONNADE_GATEWAY_BATCH_LEASE_SECONDS="2",
        COLONNADE_GATEWAY_BATCH_RENEW_SECONDS="0.5",
    ) as started:
        started.command("models", "import", str(model), "--name", "tiny")
        yield started


def lines() -> bytes:
    body = {"model": "tiny", "max_tokens": TOKENS, "logit_bias": {"0": -100}}
    made = [
        {"custom_id": str(at), "method": "POST", "url": ENDPOINT, "body": body | {"prompt": f"line {at}"}}
        for at in range(LINES)
    ]
    return b"\n".join(json.dumps(line).encode() for line in made)


def usage(http: httpx.Client) -> dict[str, int]:
    total: dict[str, int] = http.get("/usage").json()["total"]
    return total


def test_a_batch_outlives_its_gateway(platform: Platform) -> None:
    client = OpenAI(base_url=f"{platform.url}/v1", api_key=KEY, max_retries=0, timeout=60)
    http = platform.client(authorization=f"Bearer {KEY}")
    file = client.files.create(file=("lines.jsonl", lines()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")

    def done() -> int:
        try:
            counts: dict[str, int] = http.get(f"/v1/batches/{batch.id}").json()["request_counts"]
        except httpx.TransportError:
            return 0
        return counts["completed"]

    for kill in range(1, KILLS + 1):
        eventually(lambda few=kill * LINES // (KILLS + 2): done() >= few, 180, "the batch gets on")  # type: ignore[misc]
        assert done() < LINES, "there was something to lose"
        os.kill(platform.pid("gateway"), signal.SIGKILL)
        eventually(platform.ready, 60, "the gateway is back")

    eventually(lambda: done() == LINES, 180, "every line has its result")
    eventually(lambda: client.batches.retrieve(batch.id).status == "completed", 60, "the files are written")
    last = client.batches.retrieve(batch.id)
    assert last.error_file_id is None
    assert last.output_file_id is not None
    found = [json.loads(line) for line in client.files.content(last.output_file_id).text.splitlines()]
    assert [line["custom_id"] for line in found] == [str(at) for at in range(LINES)]
    bodies = [line["response"]["body"] for line in found]
    assert all(body["usage"]["completion_tokens"] == TOKENS for body in bodies)

    counted = usage(http)
    prompts = sum(body["usage"]["prompt_tokens"] for body in bodies)
    again = counted["requests"] - LINES
    assert 0 <= again <= KILLS * AT_ONCE, "only lines that were under way are asked again"
    assert 0 <= counted["completion_tokens"] - LINES * TOKENS <= again * TOKENS
    assert counted["prompt_tokens"] >= prompts
    if not again:
        assert counted["prompt_tokens"] == prompts
    client.close()
    http.close()
