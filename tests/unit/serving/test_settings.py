"""Settings of engines under Ray."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from colonnade.errors import InvalidArgument
from colonnade.serving import settings as module
from colonnade.serving.settings import ServingSettings
from colonnade.supervise.replicas import Replicas


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_SERVING_REPLICAS", "3")
    monkeypatch.setenv("COLONNADE_SERVING_PORT", "9200")
    settings = ServingSettings.of({"replicas": "1:4"})
    assert (settings.range, settings.port) == (Replicas(1, 4), 9200)


def test_an_argument_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"there is no argument 'replica'; there are: .*replicas"):
        ServingSettings.of({"replica": 2})
    with pytest.raises(InvalidArgument, match="there is no argument 'home'"):
        ServingSettings.of({"home": "/srv"})


@pytest.mark.parametrize(
    "wrong",
    [{"replicas": "none"}, {"cpus": -1}, {"target_requests": 0}, {"port": 70000}, {"window_seconds": 10}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServingSettings.of(wrong)


def test_cores_are_shared_by_the_most_replicas_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cpus", lambda: 8)
    assert ServingSettings.of({"replicas": "1:3"}).cpus_each == 2
    assert ServingSettings.of({"replicas": "16"}).cpus_each == 1
    assert ServingSettings.of({"replicas": "2", "cpus": 3.5}).cpus_each == 3.5
    assert ServingSettings.of({"cpus": 3.5}).threads_each == 3
    assert ServingSettings.of({"cpus": 0.25}).threads_each == 1


def test_rays_sockets_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_HOME", "/home/somebody/.colonnade")
    fits = ServingSettings.of({})
    assert fits.ray_folder == Path("/home/somebody/.colonnade/run/ray")
    monkeypatch.setenv("COLONNADE_HOME", "/a/folder/whose/path/is/long/enough")
    with pytest.raises(InvalidArgument, match="COLONNADE_SERVING_RAY_DIR") as refused:
        _ = ServingSettings.of({}).ray_folder
    assert refused.value.details["limit"] == 107
    assert ServingSettings.of({"ray_dir": "/tmp/ray"}).ray_folder == Path("/tmp/ray")


def test_engines_on_a_cluster_that_runs_hear_what_concerns_them_and_no_secret() -> None:
    environ = {
        "COLONNADE_HOME": "/h",
        "COLONNADE_INFERENCE_ADDRESS": "unix:/h/run/inference.sock",
        "COLONNADE_ENGINE_WEIGHTS": "4",
        "COLONNADE_SERVING_CPUS": "1",
        "COLONNADE_GATEWAY_BOOTSTRAP_KEY": "ck_x",
        "COLONNADE_INFERENCE_CACHE_REDIS_URL": "redis://:secret@host",
        "RAY_AUTH_TOKEN": "x",
        "PATH": "/bin",
    }
    settings = ServingSettings.of({})
    assert settings.one_machine
    assert not ServingSettings.of({"port": 9200}).one_machine
    assert set(settings.for_engines(environ)) == {
        "COLONNADE_HOME",
        "COLONNADE_INFERENCE_ADDRESS",
        "COLONNADE_ENGINE_WEIGHTS",
        "COLONNADE_SERVING_CPUS",
    }
