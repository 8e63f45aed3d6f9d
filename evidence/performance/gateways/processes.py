"""The gateways and the upstream as processes of their own, and the processor time that each has used."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from evidence.performance.engines.catalog import LOGS, PEERS
from evidence.performance.engines.process import ROOT
from evidence.performance.gateways.load import Door
from evidence.performance.gateways.upstream import MODEL
from tests.harness.platform import eventually, free_port

_READY_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK")
LITELLM = PEERS / "litellm/bin/litellm"


@dataclass(frozen=True, slots=True)
class Running:
    """A server under load."""

    door: Door
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """User and system time of the process, its threads and the children that it has now."""
        return sum(_cpu_seconds(pid) for pid in (self.process.pid, *_children(self.process.pid)))


@dataclass(frozen=True, slots=True)
class Upstream:
    running: Running
    home: Path
    """The folder of its sockets."""


@contextmanager
def upstream(delay: float) -> Iterator[Upstream]:
    """The mock upstream; answers begin after ``delay`` seconds."""
    with tempfile.TemporaryDirectory(prefix="cln-") as folder, ExitStack() as stack:
        home, port = Path(folder), free_port()
        options = {
            "port": port, "registry": f"unix:{home}/r/s", "inference": f"unix:{home}/i/s",
            "identity": f"{home}/identity", "delay": delay,
        }  # fmt: skip
        command = [sys.executable, "-m", "evidence.performance.gateways.upstream", json.dumps(options)]
        running = stack.enter_context(_running("upstream", command, {}, Door(port)))
        yield Upstream(running, home)


@contextmanager
def colonnade(behind: Upstream) -> Iterator[Running]:
    """This platform's gateway, before the upstream's gRPC."""
    port, home = free_port(), behind.home
    environment = {
        "COLONNADE_HOME": str(home),
        "COLONNADE_IDENTITY_DIR": str(home / "identity"),
        "COLONNADE_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "COLONNADE_REGISTRY_ADDRESS": f"unix:{home}/r/s",
        "COLONNADE_INFERENCE_ADDRESS": f"unix:{home}/i/s",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "colonnade.gateway"]
    with _running("colonnade", command, environment, Door(port), "/health/live") as running:
        yield running


@contextmanager
def litellm(behind: Upstream) -> Iterator[Running]:
    """LiteLLM's proxy, before the upstream's HTTP, with nothing but a model and a key."""
    port, key = free_port(), "sk-mock"
    base = f"http://127.0.0.1:{behind.running.door.port}/v1"
    parameters = {"model": f"openai/{MODEL}", "api_base": base, "api_key": "x"}
    config = behind.home / "litellm.json"
    config.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": parameters}]}))
    command = [str(LITELLM), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    environment = {
        "LITELLM_MASTER_KEY": key, "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "NO_DOCS": "True",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False",
    }  # fmt: skip
    door = Door(port, headers={"Authorization": f"Bearer {key}"})
    with _running("litellm", command, environment, door, "/health/liveliness") as running:
        yield running


@contextmanager
def _running(
    name: str, command: Sequence[str], environment: Mapping[str, str], door: Door, ready: str = "/"
) -> Iterator[Running]:
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"gateway-{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{door.port}{ready}"
            eventually(lambda: _answers(url, process), _READY_SECONDS, f"{name} answers at {ready}")
            yield Running(door, process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    found = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return found + [each for child in found for each in _children(child)]
