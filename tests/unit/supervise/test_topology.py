"""What is started, with what environment, and in which order it ends."""

import argparse
import sys
from pathlib import Path

import pytest

from colonnade.supervise.console import Console
from colonnade.supervise.engines import Engine, Engines
from colonnade.supervise.home import Home
from colonnade.supervise.machine import usable_cpus, usable_memory
from colonnade.supervise.probe import GrpcHealth, HttpHealth
from colonnade.supervise.replicas import Replicas
from colonnade.supervise.topology import ServiceSpec, platform

HOME = Home(Path("/srv/colonnade"))


def specs(port: int = 8080, host: str = "127.0.0.1", **environ: str) -> dict[str, ServiceSpec]:
    return {spec.name: spec for spec in platform(HOME, host=host, port=port, environ=environ)}


def test_seven_processes_that_end_from_the_outside_in() -> None:
    by_rank = sorted(specs().values(), key=lambda spec: spec.stop_rank)
    assert [spec.name for spec in by_rank] == [
        "gateway", "training", "memory", "ethics", "inference", "engine", "registry"
    ]  # fmt: skip
    assert all(spec.command[-1] == f"colonnade.{spec.name}" for spec in by_rank)
    assert all(spec.command[:2] == (sys.executable, "-P") for spec in by_rank)


def test_under_ray_engines_are_another_process_business_and_register_themselves() -> None:
    made = {
        spec.name: spec
        for spec in platform(
            HOME,
            engines=Engines(replicas=Replicas(1, 4), ray_address="head:6379"),
            environ={"COLONNADE_SERVING_DRAIN_SECONDS": "60"},
        )
    }
    by_rank = sorted(made.values(), key=lambda spec: spec.stop_rank)
    assert [spec.name for spec in by_rank] == [
        "gateway", "training", "memory", "ethics", "inference", "serving", "registry"
    ]  # fmt: skip
    assert {spec.env["COLONNADE_ENGINE_ADDRESSES"] for spec in by_rank} == {"none"}
    assert made["serving"].env["COLONNADE_SERVING_REPLICAS"] == "1:4"
    assert made["serving"].env["COLONNADE_SERVING_RAY_ADDRESS"] == "head:6379"
    assert made["serving"].probe == GrpcHealth(Path("/srv/colonnade/run/serving.sock"))
    assert made["serving"].grace_seconds > 60 + 20, "the cluster takes its time too"


def test_vllm_has_its_own_python_in_our_engines_place() -> None:
    made = {
        spec.name: spec for spec in platform(HOME, engines=Engines(Engine.VLLM, "/v/bin/python"), environ={})
    }
    assert set(made) == {"registry", "vllm", "inference", "training", "memory", "ethics", "gateway"}
    assert made["vllm"].command == ("/v/bin/python", "-P", "-m", "colonnade.vllm")
    assert made["vllm"].env["COLONNADE_VLLM_LISTEN"] == "unix:/srv/colonnade/run/vllm.sock"
    assert made["vllm"].env["OMP_NUM_THREADS"] == made["vllm"].env["COLONNADE_VLLM_THREADS"]
    assert made["vllm"].ports == (9104,)
    assert made["inference"].command[0] == sys.executable
    assert made["inference"].env["COLONNADE_ENGINE_ADDRESSES"] == "unix:/srv/colonnade/run/vllm.sock"


@pytest.mark.parametrize("said", ["", "123"])
def test_with_both_vllm_has_more_room_unless_the_user_says_otherwise(said: str) -> None:
    environ = {"COLONNADE_ENGINE_MEMORY_BYTES": said} if said else {}
    made = {spec.name: spec for spec in platform(HOME, engines=Engines(Engine.BOTH), environ=environ)}
    assert made["inference"].env["COLONNADE_ENGINE_ADDRESSES"] == (
        "unix:/srv/colonnade/run/vllm.sock,unix:/srv/colonnade/run/engine.sock"
    )
    assert made["engine"].env["COLONNADE_ENGINE_MEMORY_BYTES"] == (said or str(usable_memory() // 4))
    assert made["vllm"].stop_rank > made["inference"].stop_rank


@pytest.mark.parametrize(
    "engines",
    [Engines(), Engines(Engine.BOTH, "/v/bin/python"), Engines(replicas=Replicas(1, 4), ray_address="h:1")],
    ids=["own", "both", "ray"],
)
def test_another_process_reads_the_same_engines_from_its_arguments(engines: Engines) -> None:
    parser = argparse.ArgumentParser()
    Engines.add_arguments(parser)
    assert Engines.of(parser.parse_args(engines.arguments())) == engines


def test_backends_are_asked_on_their_sockets_and_the_gateway_by_http() -> None:
    assert specs()["engine"].probe == GrpcHealth(Path("/srv/colonnade/run/engine.sock"))
    assert specs()["training"].probe == GrpcHealth(Path("/srv/colonnade/run/training.sock"))
    assert specs()["memory"].probe == GrpcHealth(Path("/srv/colonnade/run/memory.sock"))
    assert specs()["ethics"].probe == GrpcHealth(Path("/srv/colonnade/run/ethics.sock"))
    assert specs(port=81)["gateway"].probe == HttpHealth("127.0.0.1", 81)
    assert specs(port=81, host="0.0.0.0")["gateway"].address == "http://127.0.0.1:81"
    assert specs(port=81, host="::")["gateway"].env["COLONNADE_GATEWAY_LISTEN"] == "[::]:81"


def test_what_ties_them_together_wins_over_the_users_environment() -> None:
    made = specs(
        COLONNADE_REGISTRY_ADDRESS="elsewhere:1",
        COLONNADE_HOME="/elsewhere",
        LANG="C",
        COLONNADE_API_KEY="ck_x",
    )
    for spec in made.values():
        assert "COLONNADE_API_KEY" not in spec.env
        assert spec.env["COLONNADE_HOME"] == "/srv/colonnade"
        assert spec.env["COLONNADE_REGISTRY_ADDRESS"] == "unix:/srv/colonnade/run/registry.sock"
        assert spec.env["LANG"] == "C"


def test_threads_are_for_the_engine() -> None:
    made = specs()
    assert made["engine"].env["OMP_NUM_THREADS"] == str(usable_cpus())
    assert {
        made[name].env["OMP_NUM_THREADS"]
        for name in ("gateway", "inference", "training", "memory", "ethics", "registry")
    } == {"1"}
    assert specs(OMP_NUM_THREADS="3")["engine"].env["COLONNADE_ENGINE_THREADS"] == "3"
    chosen = specs(OMP_NUM_THREADS="3", COLONNADE_ENGINE_THREADS="2")["engine"].env
    assert chosen["OMP_NUM_THREADS"] == chosen["COLONNADE_ENGINE_THREADS"] == "2"


def test_metrics_ports() -> None:
    assert specs()["inference"].ports == (9101,)
    assert specs()["memory"].ports == (9106,)
    assert specs()["ethics"].ports == (9107,)
    off = specs(COLONNADE_INFERENCE_METRICS_PORT="0")["inference"]
    assert off.ports == ()
    assert off.env["COLONNADE_INFERENCE_METRICS_PORT"] == "0"
    assert specs(COLONNADE_INFERENCE_METRICS_PORT="oops")["inference"].ports == ()


def test_nothing_is_killed_while_it_drains() -> None:
    assert specs()["gateway"].grace_seconds > 30
    assert specs(COLONNADE_GATEWAY_DRAIN_SECONDS="100")["gateway"].grace_seconds > 100
    assert specs(COLONNADE_GATEWAY_DRAIN_SECONDS="oops")["gateway"].grace_seconds > 30


def test_the_console_stands_before_the_gateway_and_ends_first() -> None:
    made = platform(
        HOME, host="::", port=9000, console=Console("::", 9001), environ={"COLONNADE_API_KEY": "ck_x"}
    )
    console, gateway = made[-2:]
    assert (console.name, gateway.name) == ("console", "gateway")
    assert console.stop_rank < gateway.stop_rank
    assert console.command[-1] == "colonnade.console"
    assert console.env["COLONNADE_CONSOLE_LISTEN"] == "[::]:9001"
    assert console.env["COLONNADE_CONSOLE_GATEWAY_URL"] == gateway.address == "http://[::1]:9000"
    assert console.address == "http://[::1]:9001"
    assert console.probe == HttpHealth("::1", 9001)
    assert console.ports == (9001,)
    assert "COLONNADE_API_KEY" not in console.env, "nobody signs in with the key of whoever started it"
    assert "console" not in specs(), "it is asked for"


@pytest.mark.parametrize("console", [None, Console("127.0.0.1", 9001)], ids=["without", "with"])
def test_whether_there_is_a_console_is_passed_to_another_process(console: Console | None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    Console.add_arguments(parser)
    assert Console.of(parser.parse_args(console.arguments() if console else [])) == console
