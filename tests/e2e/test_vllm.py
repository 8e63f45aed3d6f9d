"""A platform whose engine is vLLM; ``make test-vllm`` runs it."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.contract.engine.vllm_process import PYTHON
from tests.harness.platform import Platform, eventually, running
from tests.harness.tiny_model import write_tiny_bert, write_tiny_llama

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON, reason="needs vLLM: make test-vllm"),
]
ASK: dict[str, Any] = {
    "prompt": "The quick brown",
    "max_tokens": 4,
    "preset": "deterministic",
    "logit_bias": {"0": -100},
}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a shape that vLLM has kernels for."""
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"), width=128)


def of_vllm(tiny_model: Path, engine: str) -> Iterator[Platform]:
    with running(
        "--no-import",
        "--engine",
        engine,
        "--vllm-python",
        PYTHON,
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent),
        COLONNADE_VLLM_METRICS_PORT="0",
        COLONNADE_VLLM_DTYPE="float32",
        COLONNADE_VLLM_THREADS="1",
        COLONNADE_VLLM_CACHE_BYTES=str(64 << 20),
    ) as started:
        started.command("models", "import", str(tiny_model), "--name", "tiny")
        yield started


@pytest.fixture(scope="module")
def alone(tiny_model: Path) -> Iterator[Platform]:
    yield from of_vllm(tiny_model, "vllm")


def answer(platform: Platform, path: str = "/generate", **body: Any) -> httpx.Response:
    """Once the model is loaded: a load on a CPU takes longer than a request waits."""

    def answered() -> httpx.Response | None:
        with platform.client() as http:
            found = http.post(path, json=body)
        return None if found.status_code == 503 else found

    found = eventually(answered, 240, "there is an answer")
    assert found is not None
    return found


def check_holders(platform: Platform, expected: dict[str, list[str]]) -> None:
    """The models of each engine, by its socket's name, once the engines were asked again."""

    def look() -> bool:
        with platform.client() as http:
            engines = http.get("/engines").json()["engines"]
        return {Path(each["address"]).name: each["models"] for each in engines} == expected

    eventually(look, 30, f"the engines have {expected}")


def test_it_answers_and_refuses_what_vllm_does_not_serve(alone: Platform, tiny_model: Path) -> None:
    found = answer(alone, **ASK)
    assert found.status_code == 200, found.text
    assert found.json()["usage"]["completion_tokens"] == 4
    check_holders(alone, {"vllm.sock": ["tiny:1"]})
    folder = write_tiny_bert(tiny_model.parent / "for-vllm")
    alone.command("models", "import", str(folder), "--name", "sentences")
    refused = answer(alone, "/embed", model="sentences", input=["fox"])
    assert refused.status_code == 400
    assert "--engine both" in refused.json()["error"]["message"]


@pytest.mark.parametrize("whose", ["engine", "core"])
def test_killed_it_leaves_nobody_and_comes_back(alone: Platform, whose: str) -> None:
    assert answer(alone, **ASK).status_code == 200
    engine = psutil.Process(alone.pid("vllm"))
    core = max(engine.children(recursive=True), key=memory)
    family = [engine, *engine.children(recursive=True)]
    os.kill((engine if whose == "engine" else core).pid, signal.SIGKILL)
    eventually(lambda: not any(map(lives, family)), 30, "nobody of them is left")
    assert eventually(restarted(alone, engine.pid), 60, "it is started again")
    assert answer(alone, **ASK).status_code == 200
    check_holders(alone, {"vllm.sock": ["tiny:1"]})


def test_beside_our_own_engine_each_serves_what_it_can(tiny_model: Path) -> None:
    folder = write_tiny_bert(tiny_model.parent / "for-both")
    for platform in of_vllm(tiny_model, "both"):
        platform.command("models", "import", str(folder), "--name", "sentences")
        assert answer(platform, model="tiny", **ASK).status_code == 200
        assert answer(platform, "/embed", model="sentences", input=["fox"]).status_code == 200
        check_holders(platform, {"vllm.sock": ["tiny:1"], "engine.sock": ["sentences:1"]})


def test_nothing_of_it_outlives_a_supervisor_that_is_killed(alone: Platform) -> None:
    """The last one here: there is no platform afterwards."""
    assert answer(alone, **ASK).status_code == 200
    supervisor = psutil.Process(alone.process.pid)
    family = supervisor.children(recursive=True)
    supervisor.kill()
    alone.process.wait()
    eventually(lambda: not any(map(lives, family)), 30, "nobody of them is left")


def memory(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def restarted(platform: Platform, before: int) -> Callable[[], bool]:
    def look() -> bool:
        services = json.loads(platform.command("status", "--json").stdout)["services"]
        now = next(each for each in services if each["name"] == "vllm")
        return bool(now["state"] == "ready" and now["pid"] != before)

    return look
