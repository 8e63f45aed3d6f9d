"""Fair use on a running platform: the ledger against the engine's own counters, limits, the command."""

import csv
import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.harness.platform import Platform, eventually, free_port, running


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def measured(tiny_model: Path, metrics_port: int) -> Iterator[Platform]:
    """A platform of its own: nobody else may count here."""
    with running(
        "--no-import",
        COLONNADE_ENGINE_METRICS_PORT=str(metrics_port),
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent),
    ) as platform:
        platform.command("models", "import", str(tiny_model), "--name", "tiny")
        yield platform


def counted(port: int) -> dict[str, int]:
    """Tokens by kind, as the engine tells Prometheus."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    found = re.findall(r'colonnade_engine_tokens_total\{kind="(\w+)",model="tiny"\} ([\d.e+]+)', text)
    return {kind: int(float(value)) for kind, value in found}


def ask(platform: Platform, number: int) -> None:
    """To its end, or left somewhere in the middle."""
    random = Random(number)
    body = {
        "prompt": "The quick brown fox " * random.randrange(1, 5),
        "max_tokens": random.choice([1, 7, 40, 2000]),
        "n": random.choice([1, 1, 3]),
        "seed": number,
        "stream": number % 3 > 0,
    }
    with platform.client() as http:
        if not body["stream"]:
            http.post("/generate", json=body | {"max_tokens": 20}).raise_for_status()
            return
        with http.stream("POST", "/generate", json=body) as reply:
            lines = reply.iter_lines()
            for _ in range(random.randrange(1, 60)):
                if next(lines, None) is None:
                    return


def test_usage_adds_up_to_what_the_engine_counted(measured: Platform, metrics_port: int) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: ask(measured, number), range(120)))

    def sums() -> tuple[dict[str, int], dict[str, int]]:
        with measured.client() as http:
            total = http.get("/usage").json()["total"]
        mine = {"prompt": total["prompt_tokens"], "completion": total["completion_tokens"]}
        return mine, counted(metrics_port)

    eventually(lambda: sums()[0] == sums()[1], 20, "the ledger and the engine agree")
    mine, engines = sums()
    assert mine == engines
    assert mine["completion"] > 1000


def test_the_command_sets_limits_and_tells_usage(measured: Platform) -> None:
    with measured.client() as http:
        http.post("/generate", json={"prompt": "a", "max_tokens": 2}).raise_for_status()
        measured.command("limits", "set", "--tenant", "local", "--requests-per-minute", "1")
        body = {"prompt": "a", "max_tokens": 2}
        first, second = (http.post("/generate", json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "1"
    left = json.loads(measured.command("limits", "me", "--json").stdout)
    assert left[0]["requests"]["limit"] == 1
    assert "local" in measured.command("limits", "list").stdout
    measured.command("limits", "delete", "--tenant", "local")
    with measured.client() as http:
        assert http.post("/generate", json=body).status_code == 200
    rows = list(csv.DictReader(io.StringIO(measured.command("usage", "--group-by", "model", "--csv").stdout)))
    assert rows[0]["model"] == "tiny"
    assert int(rows[0]["requests"]) > 2
