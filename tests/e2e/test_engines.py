"""Two engines, one of which registers itself and is then killed under load."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.platform import Platform, eventually, running

BODY = {"max_tokens": 200, "temperature": 1.0, "stream": True, "logit_bias": {"0": -100}}
"""No end token: every answer has its full length."""
AT_ONCE = 24


@pytest.fixture
def pair(tiny_model: Path, short_folder: Path) -> Iterator[tuple[Platform, subprocess.Popen[bytes], str]]:
    """A platform, and a second engine on the same blobs that tells its inference service of itself."""
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent),
        COLONNADE_INFERENCE_LEASE_SECONDS="2",
        COLONNADE_INFERENCE_SPREAD_TOKENS="1",
    ) as platform:
        platform.command("models", "import", str(tiny_model), "--name", "tiny")
        address = f"unix:{short_folder}/run/engine.sock"
        (short_folder / "blobs").symlink_to(platform.home / "blobs")
        environment = {
            **os.environ,
            "COLONNADE_HOME": str(short_folder),
            "COLONNADE_IDENTITY_DIR": str(platform.home / "identity"),
            "COLONNADE_ENGINE_REGISTER_WITH": f"unix:{platform.home}/run/inference.sock",
            "COLONNADE_ENGINE_METRICS_PORT": "0",
            "OMP_NUM_THREADS": "1",
        }
        second = subprocess.Popen(
            [sys.executable, "-m", "colonnade.engine"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            yield platform, second, address
        finally:
            second.kill()
            second.wait()


def _engines(platform: Platform) -> dict[str, Any]:
    with platform.client() as http:
        answer = http.get("/engines")
    return {each["address"]: each for each in answer.json()["engines"]}


def _outcome(platform: Platform, number: int) -> str:
    """``done``, ``refused`` or ``broken``: how one stream ended. Each has an end."""
    with (
        platform.client() as http,
        http.stream("POST", "/generate", json=BODY | {"prompt": f"Story {number}"}) as answer,
    ):
        if answer.status_code != 200:
            answer.read()
            assert answer.status_code == 503, answer.text
            return "refused"
        lines = answer.iter_lines()
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    if "error" in events[-1]:
        assert events[-1]["error"]["code"] == "unavailable"
        assert "before the answer was complete" in events[-1]["error"]["message"]
        return "broken"
    assert events[-1]["finish_reason"] in {"stop", "length"}
    return "done"


def test_an_engine_that_is_killed_under_load_takes_only_what_had_begun_there(
    pair: tuple[Platform, subprocess.Popen[bytes], str],
) -> None:
    platform, second, address = pair
    eventually(lambda: _engines(platform).get(address, {}).get("ready"), 60, "the second engine registers")
    assert _engines(platform)[address]["lease_seconds"] <= 2

    def spread() -> bool:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            assert set(threads.map(partial(_outcome, platform), range(AT_ONCE))) == {"done"}
        return bool(_engines(platform)[address]["models"] == ["tiny:1"])

    eventually(spread, 60, "the demand spreads the model")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked = [threads.submit(_outcome, platform, number) for number in range(AT_ONCE)]
        eventually(lambda: _engines(platform)[address]["running"] > 0, 30, "the second engine is busy")
        second.send_signal(signal.SIGKILL)
        outcomes = [each.result(timeout=120) for each in asked]
    assert set(outcomes) <= {"done", "broken"}
    assert outcomes.count("done") >= AT_ONCE // 3
    assert _outcome(platform, AT_ONCE) == "done"
    eventually(lambda: address not in _engines(platform), 30, "its lease runs out")


def test_an_engine_that_is_told_to_stop_leaves_at_once(
    pair: tuple[Platform, subprocess.Popen[bytes], str],
) -> None:
    platform, second, address = pair
    eventually(lambda: _engines(platform).get(address, {}).get("ready"), 60, "the second engine registers")
    shown = platform.command("engines").stdout
    assert "engine.sock" in shown
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=30) == 0
    assert address not in _engines(platform)
    with platform.client() as http, pytest.raises(httpx.HTTPStatusError):
        http.get("/engines/none").raise_for_status()
