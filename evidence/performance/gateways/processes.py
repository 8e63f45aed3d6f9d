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
from tests.harness.platform import eventually, free_port

_READY_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK")
LITELLM = PEERS / "litellm/bin/litellm"


@dataclass(frozen=True, slots=True)
class Running:
    """A server under load."""

    door: Door
    pid: int

    @property
    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def cpu_seconds(self) -> float:
        """User and system time of the process, its threads and the children that it has now."""
        return sum(_cpu_seconds(pid) for pid in (self.pid, *_children(self.pid)))


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
    with _gateway(behind.home, "i/s", "/health/live") as running:
        yield running


@dataclass(frozen=True, slots=True)
class Chain:
    """Gateway and inference service of this platform before a mock engine."""

    gateway: Running
    inference: Running
    notes: Path
    """What the engine notes of streams that were ended early."""


@contextmanager
def chain(*, slots: int, queue: int, token_seconds: float) -> Iterator[Chain]:
    """The platform without a model: what it does with requests, whatever a model makes of them."""
    with tempfile.TemporaryDirectory(prefix="cln-") as folder, ExitStack() as stack:
        home = Path(folder)
        options = {
            "registry": f"unix:{home}/r/s", "engine": f"unix:{home}/e/s", "identity": f"{home}/identity",
            "notes": f"{home}/notes", "slots": slots, "queue": queue, "token_seconds": token_seconds,
        }  # fmt: skip
        mock = [sys.executable, "-m", "evidence.performance.gateways.engine", json.dumps(options)]
        stack.enter_context(_running("engine", mock, {}, Door(0), ""))
        environment = _environment(home) | {"COLONNADE_ENGINE_ADDRESSES": f"unix:{home}/e/s"}
        command = [sys.executable, "-m", "colonnade.inference"]
        inference = stack.enter_context(_running("inference", command, environment, Door(0), ""))
        gateway = stack.enter_context(_gateway(home, "run/inference.sock", "/health/ready"))
        yield Chain(gateway, inference, home / "notes")


@contextmanager
def _gateway(home: Path, inference: str, ready: str) -> Iterator[Running]:
    port = free_port()
    environment = _environment(home) | {
        "COLONNADE_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "COLONNADE_INFERENCE_ADDRESS": f"unix:{home}/{inference}",
        "COLONNADE_GATEWAY_GUARD": "off",  # no ethics service runs beside it
    }
    command = [sys.executable, "-m", "colonnade.gateway"]
    with _running("colonnade", command, environment, Door(port), ready) as running:
        yield running


def _environment(home: Path) -> dict[str, str]:
    return {
        "COLONNADE_HOME": str(home),
        "COLONNADE_IDENTITY_DIR": str(home / "identity"),
        "COLONNADE_REGISTRY_ADDRESS": f"unix:{home}/r/s",
        "COLONNADE_INFERENCE_METRICS_PORT": "0",
        "COLONNADE_INFERENCE_CACHE_BYTES": "0",  # what is asked twice is to be generated twice
        "COLONNADE_GATEWAY_METRICS_PORT": "0",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def litellm(home: Path, upstream_port: int, model: str) -> Iterator[Running]:
    """LiteLLM's proxy before an upstream that speaks OpenAI's HTTP, with nothing but a model and a key."""
    port, key = free_port(), "sk-mock"
    base = f"http://127.0.0.1:{upstream_port}/v1"
    parameters = {"model": f"openai/{model}", "api_base": base, "api_key": "none"}
    config = home / "litellm.json"
    config.write_text(json.dumps({"model_list": [{"model_name": model, "litellm_params": parameters}]}))
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
            if ready:
                eventually(lambda: _answers(url, process), _READY_SECONDS, f"{name} answers at {ready}")
            yield Running(door, process.pid)
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
        return httpx.get(url, timeout=5, trust_env=False).status_code < 300
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
