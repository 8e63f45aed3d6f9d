"""The doctor in broken environments."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colonnade.cli.checks import Finding, Level, installation, machine, running, vllm
from colonnade.cli.checks import home as home_checks
from colonnade.cli.checks import ray as ray_checks
from colonnade.supervise import preflight, stale
from colonnade.supervise.home import Home
from colonnade.supervise.states import PlatformStatus, ServiceStatus, State
from colonnade.supervise.topology import ServiceSpec, platform
from tests.unit.cli.stub import Stub

Run = Callable[..., Any]


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {finding.check: finding.level for finding in findings}


def test_the_report_has_a_level_a_message_and_a_remedy_where_one_is_needed(
    home: Home, colonnade: Run
) -> None:
    done = colonnade("doctor", "--json")
    report = json.loads(done.out)
    expected = {
        "python",
        "torch",
        "cpu",
        "memory",
        "disk",
        "home",
        "ports",
        "platform",
        "model",
        "vllm",
        "ray",
    }
    assert expected <= {check["check"] for check in report["checks"]}
    for check in report["checks"]:
        assert check["message"]
        assert bool(check["remedy"]) == (check["level"] != "ok"), check
    assert report["healthy"] == (done.status == 0)


def test_people_get_lines(home: Home, colonnade: Run) -> None:
    assert "ok   python       Python 3" in colonnade("doctor").out


def test_a_port_in_use_is_status_1(home: Home, colonnade: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = colonnade("doctor", "--port", str(port))
    assert done.status == 1
    assert f"{port}, which the gateway needs, is in use" in done.out
    assert "--port <another>" in done.out


def test_old_python() -> None:
    assert installation.python((3, 9, 1)).level is Level.FAIL
    assert installation.python((3, 11, 0)).level is Level.OK


def test_without_a_compiler_the_engine_is_slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.compiler().level is Level.WARN
    (tmp_path / "g++").touch(mode=0o755)
    assert machine.compiler().message.startswith("g++ builds")


def test_missing_parts() -> None:
    (found,) = installation.parts({"engine": ("json", "no_such_module_here")})
    assert found.level is Level.FAIL
    assert "no_such_module_here" in found.message
    assert "colonnade[engine]" in found.remedy


@pytest.mark.parametrize(
    ("text", "devices", "level"),
    [
        ("__version__ = '2.9.0+cpu'\ncuda: Optional[str] = None\n", [], Level.OK),
        ("__version__ = '2.9.0'\ncuda: Optional[str] = '13.0'\n", ["nvidia0"], Level.OK),
        ("__version__ = '2.9.0'\ncuda: Optional[str] = '13.0'\n", ["nvidiactl"], Level.WARN),
    ],
)
def test_builds_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, devices: list[str], level: Level
) -> None:
    (tmp_path / "version.py").write_text(text)
    (tmp_path / "dev").mkdir()
    for device in devices:
        (tmp_path / "dev" / device).touch()
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    found = installation.torch_build(tmp_path / "dev")
    assert found.level is level
    assert "2.9.0" in found.message


def test_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert installation.torch_build().level is Level.FAIL


def test_the_bundled_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert installation.bundled_model("no-such-distribution").level is Level.WARN
    missing = SimpleNamespace(files=[SimpleNamespace(locate=lambda: tmp_path / "gone.gguf")])
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: missing)
    assert installation.bundled_model().level is Level.FAIL


def test_threads() -> None:
    assert machine.cpus(2, 8, {}).level is Level.OK
    assert machine.cpus(2, 8, {"OMP_NUM_THREADS": "2"}).level is Level.OK
    assert machine.cpus(2, 8, {"OMP_NUM_THREADS": "8"}).level is Level.WARN
    assert machine.cpus(2, 8, {"OMP_NUM_THREADS": "many"}).level is Level.WARN


def test_memory(tmp_path: Path) -> None:
    assert machine.memory(500_000_000, running=False).level is Level.FAIL
    assert machine.memory(1_500_000_000, running=False).level is Level.WARN
    assert machine.memory(500_000_000, running=True).level is Level.OK
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert machine.available_memory(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.available_memory(tmp_path) > 600


@pytest.mark.parametrize(
    ("free", "level"), [(10**8, Level.FAIL), (3 * 10**9, Level.WARN), (10**11, Level.OK)]
)
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=free))
    assert machine.disk(Home(tmp_path / "not" / "yet")).level is level


def test_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda which: (64, 4096))
    assert machine.open_files().level is Level.WARN


def test_a_home_that_is_not_there_yet_is_well(tmp_path: Path) -> None:
    assert {finding.level for finding in home_checks.look(Home(tmp_path / "h"), running=False)} == {Level.OK}


def test_a_home_too_deep(tmp_path: Path) -> None:
    assert home_checks.length(Home(tmp_path / ("x" * 120))).level is Level.FAIL


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "h").touch()
    assert home_checks.owner(Home(tmp_path / "h")).level is Level.FAIL


def test_a_home_of_somebody_else(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    assert home_checks.owner(home).level is Level.FAIL


def test_a_home_that_cannot_be_written(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert home_checks.owner(home).level is Level.FAIL


def test_doors_left_open(home: Home) -> None:
    home.root.chmod(0o755)
    home.run.chmod(0o755)
    found = home_checks.permissions(home)
    assert found.level is Level.FAIL
    assert f"chmod go-rwx {home.run}" == found.remedy
    home.root.chmod(0o700)
    assert home_checks.permissions(home).level is Level.OK


def test_leftovers(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_checks.leftovers(home).level is Level.OK
    home.socket("engine").touch()
    assert home_checks.leftovers(home).level is Level.WARN
    monkeypatch.setattr(stale, "survivors", lambda where: {7: "born"})
    assert "1 processes" in home_checks.leftovers(home).message


def test_a_supervisor_that_does_not_answer(home: Home) -> None:
    with preflight.locked(home):
        found = list(running.look(home, None))
    assert levels(found) == {"platform": Level.FAIL}
    assert "--force" in found[0].remedy


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (State.READY, Level.OK),
        (State.STARTING, Level.WARN),
        (State.UNREADY, Level.WARN),
        (State.BACKING_OFF, Level.FAIL),
        (State.CRASH_LOOP, Level.FAIL),
    ],
)
def test_services_of_a_running_platform(home: Home, stub: Stub, state: State, level: Level) -> None:
    service = ServiceStatus("engine", state, "unix:/x", restarts=2, reason="exit status 1")
    found = list(running.look(home, PlatformStatus(1, stub.url, 1.0, False, (service,))))
    assert levels(found) == {"services": level, "gateway": Level.OK}


def test_a_gateway_that_does_not_answer() -> None:
    assert running.gateway("http://127.0.0.1:9").level is Level.FAIL


def test_ports(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    specs: tuple[ServiceSpec, ...] = platform(home, port=80)
    monkeypatch.setattr(running, "port_problem", lambda host, port: 13 if port == 80 else 98)
    remedies = {finding.message.split()[0]: finding.remedy for finding in running.ports(specs)}
    assert "1023" in remedies["80"]
    assert "COLONNADE_REGISTRY_METRICS_PORT" in remedies["9102,"]


def answering(folder: Path, colonnade: str, vllm_version: str) -> str:
    """A Python of an environment with these versions."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\necho '{json.dumps([colonnade, vllm_version])}'\n")
    path.chmod(0o755)
    return str(path)


def test_vllms_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = vllm.look()
    assert (found.level, "no environment is named" in found.message) == (Level.OK, True)
    monkeypatch.setenv(vllm.VARIABLE, str(tmp_path / "gone"))
    assert levels(list(vllm.look())) == {"vllm": Level.FAIL}
    assert vllm.environment(answering(tmp_path, "", "0.32.0"), "0.1.0").level is Level.FAIL
    other = vllm.environment(answering(tmp_path, "0.0.9", "0.32.0"), "0.1.0")
    assert (other.level, "0.0.9" in other.message) == (Level.WARN, True)
    well = vllm.environment(answering(tmp_path, "0.1.0", "0.32.0"), "0.1.0")
    assert (well.level, "0.32.0" in well.message) == (Level.OK, True)


def test_without_ray(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert levels(list(ray_checks.look(home, trial=False))) == {"ray": Level.OK}
    assert levels(list(ray_checks.look(home, trial=True))) == {"ray": Level.FAIL}


def test_room_for_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ray_checks.memory(10**8).level is Level.WARN
    assert ray_checks.memory(10**10).level is Level.OK
    deep = Home(tmp_path / ("x" * 60))
    assert ray_checks.sockets(deep).level is Level.WARN
    monkeypatch.setenv("COLONNADE_SERVING_RAY_DIR", "/tmp/r")
    assert ray_checks.sockets(deep).level is Level.OK


@pytest.mark.parametrize(
    ("says", "status", "level"),
    [
        ('{"cpus": 2.0}', 0, Level.OK),
        ('{"error": "no Ray cluster answers"}', 1, Level.FAIL),
        ("", 1, Level.FAIL),
    ],
    ids=["starts", "refuses", "breaks"],
)
def test_a_trial_of_ray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, status: int, level: Level
) -> None:
    (tmp_path / "trial.py").write_text(f"import sys\nprint({says!r})\nsys.exit({status})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert ray_checks.start("trial").level is level
