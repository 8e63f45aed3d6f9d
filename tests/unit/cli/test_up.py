"""``colonnade up`` from start to end, over fake services."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from colonnade.supervise.home import Home
from colonnade.supervise.remote import Remote

ROOT = Path(__file__).parents[3]
Run = Callable[..., Any]


class Up:
    """A running ``colonnade up`` whose output can be waited for."""

    def __init__(self, home: Home, *arguments: str, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home = home
        self._output = home.root / "up.out"
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLONNADE_HOME": str(home.root)}
        command = [sys.executable, "-m", "tests.unit.cli.fake_up", "up", "--port", str(self.port), *arguments]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=variables | environment, cwd=ROOT
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert time.monotonic() < deadline, f"{text!r} not within {seconds} s:\n{self.said}"
            assert self.process.poll() is None or text in self.said, self.said
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    @property
    def asked(self) -> list[str]:
        """What the gateway was asked until it stopped."""
        return (self.home.root / "asked").read_text().splitlines()


@pytest.fixture
def up(home: Home) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*arguments: str, **environment: str) -> Up:
        started.append(Up(home, *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leads_to_an_answer_and_stops_everything(up: Callable[..., Up], number: signal.Signals) -> None:
    run = up()
    run.wait_for("Stop ")
    assert "registry: ready" in run.said
    assert "Importing smollm2-135m-instruct" in run.said
    assert f"curl -s http://127.0.0.1:{run.port}/generate" in run.said
    assert "Authorization" not in run.said
    assert "Ctrl-C, or: colonnade down\n" in run.said
    children = psutil.Process(run.process.pid).children(recursive=True)
    assert len(children) == 3
    assert run.stop(number) == 0
    assert not psutil.wait_procs(children, timeout=1)[1]
    assert "Stopping" in run.said
    assert "Importing all-minilm-l6-v2" in run.said
    assert run.asked == ["GET /models", "POST /models/import", "POST /generate", "POST /models/import"]


def test_without_the_bundled_model(up: Callable[..., Up]) -> None:
    run = up("--no-import")
    run.wait_for("Stop ")
    assert run.stop() == 0
    assert run.asked == ["GET /models"]


def test_with_keys_the_curl_has_a_place_for_one(up: Callable[..., Up]) -> None:
    run = up(FAKE_GATEWAY="keys")
    run.wait_for("Stop ")
    assert '-H "Authorization: Bearer $COLONNADE_API_KEY"' in run.said
    assert run.stop() == 0


def test_a_model_that_does_not_answer_is_told_and_does_not_stop_the_platform(up: Callable[..., Up]) -> None:
    run = up(FAKE_GATEWAY="mute")
    run.wait_for("Stop ")
    assert "Error: this model cannot" in run.said
    assert "no model answers yet" in run.said
    assert run.stop() == 0


def test_a_service_that_does_not_start_ends_it_with_the_reason(up: Callable[..., Up]) -> None:
    run = up(FAKE_ENGINE="--exit 3")
    assert run.process.wait(60) == 1
    assert "engine does not start (exit status 3)" in run.said
    assert "engine: something is wrong" in run.said
    assert "Traceback" not in run.said


def test_stopping_before_it_is_ready(up: Callable[..., Up]) -> None:
    run = up(FAKE_ENGINE="--never-ready")
    run.wait_for("registry: ready")
    assert run.stop() == 0
    assert "curl" not in run.said


def test_a_second_one_and_a_port_in_use_are_refused_in_one_line(
    up: Callable[..., Up], home: Home, colonnade: Run
) -> None:
    run = up()
    run.wait_for("Stop ")
    second = colonnade("up", "--port", str(run.port))
    assert second.status == 1
    assert f"running in this home already (pid {run.process.pid})" in second.err
    elsewhere = colonnade("up", "--port", str(run.port), "--no-console", "--home", f"{home.root}/b")
    assert elsewhere.status == 1
    assert f"Error: port {run.port}, which the gateway needs, is in use" in elsewhere.err
    assert run.stop() == 0


def test_detached_it_returns_when_it_is_ready_and_goes_on(
    up: Callable[..., Up], home: Home, colonnade: Run
) -> None:
    run = up("--detach")
    assert run.process.wait(60) == 0, run.said
    assert "Stop   colonnade down\n" in run.said
    status = Remote(home).status()
    assert status.ready
    supervisor = psutil.Process(status.pid)
    assert os.getsid(status.pid) == status.pid
    assert supervisor.terminal() is None
    children = supervisor.children(recursive=True)
    assert colonnade("down").status == 0
    assert not psutil.wait_procs([supervisor, *children], timeout=10)[1]


def test_detached_it_tells_what_stands_in_the_way(up: Callable[..., Up], home: Home) -> None:
    broken = up("--detach", FAKE_ENGINE="--exit 3")
    assert broken.process.wait(60) == 1
    assert "engine does not start" in broken.said
    assert not home.control.exists()
    first = up("--detach")
    assert first.process.wait(60) == 0, first.said
    second = up("--detach")
    assert second.process.wait(60) == 1
    assert "running in this home already" in second.said
    Remote(home).stop()


def test_in_a_terminal_it_is_a_table_that_changes(home: Home) -> None:
    master, worker = pty.openpty()
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLONNADE_HOME": str(home.root)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.cli.fake_up", "up", "--port", str(port)],
        stdin=worker, stdout=worker, stderr=worker, env=variables | {"TERM": "xterm"}, cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip
    os.close(worker)
    shown = ""
    while "Stop " not in shown:
        shown += os.read(master, 65536).decode()
    assert "restarts" in shown
    assert "\x1b[" in shown
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    os.close(master)


def test_under_ray_another_process_keeps_the_engines(up: Callable[..., Up]) -> None:
    run = up("--ray", "--replicas", "1:3")
    run.wait_for("Stop ")
    assert "serving-1-3: ready" in run.said
    assert run.stop() == 0


def test_in_the_background_too(up: Callable[..., Up]) -> None:
    run = up("--ray", "--detach", COLONNADE_SERVING_REPLICAS="2")
    assert run.process.wait(60) == 0, run.said
    assert "serving-2-2: ready" in run.said
    Remote(run.home).stop()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--replicas", "2"], "--replicas is for engines under Ray; add --ray"),
        (["--ray-address", "head:6379"], "--ray-address is for engines under Ray; add --ray"),
        (["--ray", "--replicas", "4:1"], "a number or MIN:MAX"),
        (["--ray", "--engine", "vllm"], "engines under Ray are our own"),
        (["--engine", "vllm"], "vLLM is not in the Python environment"),
        (["--engine", "both", "--vllm-python", "no/such/python"], "names no Python"),
        (["--engine", "both", "--vllm-python", "/bin/echo"], "names no Python"),
        (["--engine", "none"], "Invalid value for '--engine'"),
    ],
    ids=["replicas", "address", "backwards", "ray-and-vllm", "no-vllm", "no-file", "no-python", "unknown"],
)
def test_engines_that_cannot_be_are_refused(up: Callable[..., Up], arguments: list[str], why: str) -> None:
    run = up(*arguments)
    assert run.process.wait(60) != 0
    assert why in run.said


def fake_python(folder: Path, colonnade: str, vllm: str) -> Path:
    """Answers as the Python of an environment where these are installed."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\necho '{json.dumps([colonnade, vllm])}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("engine", "own"), [("vllm", False), ("both", True)])
def test_vllm_in_our_engines_place_or_beside_it(
    up: Callable[..., Up], tmp_path: Path, engine: str, own: bool
) -> None:
    run = up("--engine", engine, "--detach", COLONNADE_VLLM_PYTHON=str(fake_python(tmp_path, "1", "2")))
    assert run.process.wait(60) == 0, run.said
    assert "vllm: ready" in run.said
    assert ("engine: ready" in run.said) == own
    Remote(run.home).stop()


def test_an_environment_that_lacks_the_platform_is_refused(up: Callable[..., Up], tmp_path: Path) -> None:
    run = up("--engine", "vllm", "--vllm-python", str(fake_python(tmp_path, "", "2")))
    assert run.process.wait(60) != 0
    assert "Colonnade is not in the Python environment" in run.said
    assert str(tmp_path) not in run.said


def test_a_ray_cluster_that_runs_is_named(up: Callable[..., Up]) -> None:
    run = up("--ray", "--ray-address", "head:6379")
    run.wait_for("Stop ")
    assert "serving-1-1-at-head-6379: ready" in run.said
    assert run.stop() == 0
