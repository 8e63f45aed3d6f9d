"""Parts that die, on a platform of its own."""

import os
import signal
from functools import partial
from pathlib import Path

import httpx
import psutil

from tests.harness.platform import Platform, eventually, running

BODY = {"prompt": "The quick brown", "max_tokens": 8, "preset": "deterministic"}


def _answers(platform: Platform) -> bool:
    try:
        with platform.client() as http:
            return http.post("/generate", json=BODY).status_code == 200
    except httpx.TransportError:
        return False


def test_a_killed_service_comes_back_and_leaves_no_orphan_behind(tiny_model: Path) -> None:
    with running("--no-import", COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent)) as platform:
        platform.command("models", "import", str(tiny_model), "--name", "tiny")
        assert _answers(platform)
        for service in ("engine", "registry", "inference", "training", "memory", "ethics", "gateway"):
            victim = platform.pid(service)
            os.kill(victim, signal.SIGKILL)
            eventually(partial(_replaced, platform, service, victim), 60, f"{service} is replaced")
            eventually(partial(_answers, platform), 60, f"an answer after {service} was killed")
        children = psutil.Process(platform.process.pid).children(recursive=True)
        platform.process.kill()
        gone, alive = psutil.wait_procs(children, timeout=15)
        assert gone
        assert not alive, [process.cmdline() for process in alive]


def _replaced(platform: Platform, service: str, victim: int) -> bool:
    try:
        return platform.pid(service) not in {victim, 0}
    except (AssertionError, StopIteration, TypeError):
        return False
