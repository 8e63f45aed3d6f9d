"""Where an engine of a machine is, and what it is told."""

from pathlib import Path

import pytest

from colonnade.serving.place import Place, place
from colonnade.serving.settings import ServingSettings


def placed(
    number: int = 1, node: str = "10.0.0.7", inherited: dict[str, str] | None = None, **more: object
) -> Place:
    return place(number, ServingSettings.of({"cpus": 2, **more}), node, inherited or {})


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_HOME", "/srv/c")


def test_on_one_machine_it_has_a_socket_and_a_log_of_its_own() -> None:
    here = placed()
    assert here.address == "unix:/srv/c/run/engine-1.sock"
    assert here.log == Path("/srv/c/logs/engine-1.log")
    assert here.environment["COLONNADE_ENGINE_LISTEN"] == here.address
    assert here.environment["COLONNADE_ENGINE_ADVERTISE"] == here.address
    assert here.environment["COLONNADE_ENGINE_REGISTER_WITH"] == "unix:/srv/c/run/inference.sock"
    assert here.environment["COLONNADE_ENGINE_DATA_DIR"] == "/srv/c/data/engine-1"


def test_on_a_cluster_it_has_a_port_and_writes_where_ray_collects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_INFERENCE_ADDRESS", "inference:9000")
    here = placed(port=9200)
    assert (here.address, here.log) == ("10.0.0.7:9201", None)
    assert here.environment["COLONNADE_ENGINE_REGISTER_WITH"] == "inference:9000"
    assert placed(port=9200, node="fd00::2").address == "[fd00::2]:9201"


def test_it_learns_nothing_of_the_cluster() -> None:
    told = placed(
        inherited={"RAY_AUTH_TOKEN": "secret", "RAY_ADDRESS": "1.2.3.4:5", "CUDA_VISIBLE_DEVICES": "1"}
    )
    assert not [name for name in told.environment if name.startswith("RAY_")]
    assert told.environment["CUDA_VISIBLE_DEVICES"] == "1"


def test_its_threads_are_the_cores_that_ray_was_told_of_unless_somebody_said() -> None:
    told = placed(inherited={"OMP_NUM_THREADS": "1"}).environment
    assert told["OMP_NUM_THREADS"] == told["COLONNADE_ENGINE_THREADS"] == "2"
    told = placed(inherited={"COLONNADE_ENGINE_THREADS": "7"}).environment
    assert told["OMP_NUM_THREADS"] == told["COLONNADE_ENGINE_THREADS"] == "7"


def test_metrics_ports_count_up_from_the_first_engines() -> None:
    def port(**inherited: str) -> str:
        return placed(2, inherited=inherited).environment["COLONNADE_ENGINE_METRICS_PORT"]

    assert port() == "9105"
    assert port(COLONNADE_ENGINE_METRICS_PORT="7000") == "7002"
    assert port(COLONNADE_ENGINE_METRICS_PORT="0") == "0"
