"""A platform whose engines are under Ray, and its processes as the kernel sees them."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from tests.harness.platform import Platform, eventually, running

START_SECONDS = 120


@contextmanager
def under_ray(model: Path, replicas: str, *arguments: str, **environment: str) -> Iterator[Platform]:
    """With ``model`` as ``tiny``, and all engines that there are at first registered."""
    environment |= {
        "COLONNADE_REGISTRY_IMPORT_ROOTS": str(model.parent),
        "COLONNADE_INFERENCE_LEASE_SECONDS": "3",
    }
    chosen = ("--no-import", "--ray", "--replicas", replicas, *arguments)
    with running(*chosen, home=None, **environment) as platform:
        least = int(replicas.partition(":")[0])
        eventually(lambda: len(ready_engines(platform)) == least, START_SECONDS, "the engines register")
        platform.command("models", "import", str(model), "--name", "tiny")
        yield platform


@dataclass(frozen=True)
class Replica:
    actor: psutil.Process
    engine: psutil.Process

    @property
    def address(self) -> str:
        return self.engine.environ()["COLONNADE_ENGINE_LISTEN"]

    def kill(self) -> None:
        """-9, the actor first: the kernel ends its engine."""
        os.kill(self.actor.pid, signal.SIGKILL)


def engines(platform: Platform) -> dict[str, dict[str, Any]]:
    with platform.client() as http:
        answer = http.get("/engines")
    return {each["address"]: each for each in answer.json()["engines"]}


def ready_engines(platform: Platform) -> list[str]:
    return [address for address, each in engines(platform).items() if each["ready"]]


def processes(platform: Platform) -> list[psutil.Process]:
    """The supervisor and everything below it, all of Ray included."""
    whole = psutil.Process(platform.process.pid)
    return [whole, *whole.children(recursive=True)]


def replicas(platform: Platform) -> list[Replica]:
    """Those whose engine runs."""
    found = []
    for each in processes(platform):
        with suppress(psutil.Error):
            if each.cmdline()[-1:] == ["colonnade.engine"]:
                parent = each.parent()
                assert parent is not None
                found.append(Replica(parent, each))
    return found


def gone(them: Sequence[psutil.Process]) -> bool:
    return not [each for each in them if _runs(each)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def outcome(platform: Platform, number: int, begun: threading.Event | None = None, **more: Any) -> str:
    """``done``, ``refused`` or ``broken``: how one stream ended. Each has an end, and a clean one.

    ``begun`` is set once the answer has begun.
    """
    body = {"prompt": f"Story {number}", "max_tokens": 200, "temperature": 1.0, "stream": True}
    body |= {"logit_bias": {"0": -100}} | more  # no end token: every answer has its full length
    with platform.client() as http, http.stream("POST", "/generate", json=body) as answer:
        if answer.status_code != 200:
            answer.read()
            assert answer.status_code == 503, answer.text
            return "refused"
        events = []
        lines = answer.iter_lines()
        for line in lines:
            if line.startswith("data: {"):
                events.append(json.loads(line[6:]))
            if begun:
                begun.set()
    if "error" in events[-1]:
        assert events[-1]["error"]["code"] == "unavailable"
        assert "before the answer was complete" in events[-1]["error"]["message"]
        return "broken"
    assert events[-1]["finish_reason"] == "length"
    return "done"


def unknown_caller(port: int, method: str = "/ray.serve.ASGIService/HandleRequest") -> grpc.StatusCode:
    """What a call without the token ends with."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Callable[..., object] = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", timeout=10)
    code: grpc.StatusCode = refused.value.code()
    return code
