"""``colonnade up --ray``: a cluster that is shut, engines that register, kill -9 under load, a clean end."""

import json
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import grpc
import httpx
import psutil
import pytest

from tests.harness.platform import Platform, eventually, free_port
from tests.harness.tiny_adapter import write_tiny_adapter
from tests.integration.serving.under_ray import (
    START_SECONDS,
    Replica,
    engines,
    gone,
    outcome,
    processes,
    ready_engines,
    replicas,
    under_ray,
    unknown_caller,
)

pytestmark = pytest.mark.timeout(600)
AT_ONCE = 24
DASHBOARD = free_port()


@pytest.fixture(scope="module")
def platform(tiny_model: Path) -> Iterator[Platform]:
    """Two engines; a version goes to both as soon as one is busy."""
    with under_ray(
        tiny_model,
        "2",
        COLONNADE_INFERENCE_SPREAD_TOKENS="1",
        COLONNADE_SERVING_DASHBOARD_PORT=str(DASHBOARD),
    ) as started:
        yield started


def _both_busy(platform: Platform) -> bool:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert set(threads.map(partial(outcome, platform), range(AT_ONCE))) == {"done"}
    return [each["models"] for each in engines(platform).values()] == [["tiny:1"], ["tiny:1"]]


def test_engines_are_shown_and_answer(platform: Platform) -> None:
    shown = platform.command("engines").stdout
    assert "engine-0.sock" in shown
    assert "engine-1.sock" in shown
    assert outcome(platform, 0) == "done"
    services = json.loads(platform.command("status", "--json").stdout)["services"]
    assert [each["name"] for each in services] == [
        "registry", "serving", "inference", "training", "memory", "ethics", "gateway"
    ]  # fmt: skip
    assert all(each["lease_seconds"] for each in engines(platform).values())
    ours = psutil.Process(platform.process.pid).nice()
    assert {each.engine.nice() for each in replicas(platform)} == {ours}, (
        "Ray's workers give way, engines do not"
    )


def test_the_cluster_is_this_users_and_this_machines_alone(platform: Platform) -> None:
    token = platform.home / "run/ray/token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700
    assert len(token.read_text()) == 64
    everywhere = {
        (each.pid, port)
        for each in processes(platform)
        for address, port in _listening(each)
        if address not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
    }
    actors = {replica.actor.pid for replica in replicas(platform)}
    assert {pid for pid, _ in everywhere} <= actors, "only Serve's port between applications, one a replica"
    for _, port in everywhere:
        assert unknown_caller(port) == grpc.StatusCode.UNAUTHENTICATED


def test_the_dashboard_is_on_loopback_and_asks_for_the_token(platform: Platform) -> None:
    url = f"http://127.0.0.1:{DASHBOARD}/api/serve/applications/"
    token = (platform.home / "run/ray/token").read_text()
    assert httpx.get(url, trust_env=False).status_code in (401, 403)
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "colonnade" in answer.json()["applications"]


def test_adapters_reach_replicas(platform: Platform, tiny_model: Path) -> None:
    folder = write_tiny_adapter(tiny_model.parent / "poet", seed=1)
    platform.command("models", "import", str(folder), "--name", "poet", "--base", "tiny:1")
    eventually(lambda: _both_busy(platform), 60, "the demand spreads the model")
    body = {"prompt": "The quick brown", "max_tokens": 24, "preset": "deterministic", "adapter": "poet"}
    with platform.client() as http, ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: http.post("/generate", json=body), range(AT_ONCE)))
        plain = http.post("/generate", json={**body, "adapter": None})
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["text"] for answer in answers}) == 1
    assert answers[0].json()["text"] != plain.json()["text"]


@pytest.mark.parametrize("number", [0, 1])
def test_a_replica_killed_under_load_takes_only_what_had_begun_there(platform: Platform, number: int) -> None:
    eventually(lambda: _both_busy(platform), 60, "both engines have the model")
    victim = next(each for each in replicas(platform) if each.address.endswith(f"engine-{number}.sock"))
    address = victim.address
    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked = [threads.submit(outcome, platform, number) for number in range(AT_ONCE)]
        eventually(lambda: engines(platform)[address]["running"] > 0, 30, "it is busy")
        victim.kill()
        outcomes = [each.result(timeout=120) for each in asked]
    assert set(outcomes) <= {"done", "broken"}, "what had not begun is done elsewhere"
    assert outcomes.count("done") >= AT_ONCE // 3
    assert outcome(platform, AT_ONCE) == "done"
    assert gone([victim.actor, victim.engine]), "the kernel has ended the engine with its replica"
    eventually(lambda: _replaced(platform, victim), 60, "Ray starts another one, which registers")
    assert sorted(ready_engines(platform)) == sorted(engines(platform)), "nobody else is known"


def test_an_engine_killed_fails_its_replicas_health_check(platform: Platform) -> None:
    victim = replicas(platform)[0]
    victim.engine.kill()
    assert outcome(platform, 1) == "done"
    eventually(lambda: _replaced(platform, victim), 60, "Ray replaces it")
    assert gone([victim.actor])


def test_kill_9_of_the_serving_process_leaves_nothing_of_ray_and_all_come_back(platform: Platform) -> None:
    serving = psutil.Process(platform.pid("serving"))
    below = [serving, *serving.children(recursive=True)]
    assert len(below) > 8, "Ray's own, two actors, two engines"
    serving.kill()
    eventually(lambda: gone(below), 20, "Ray and its engines have ended")
    eventually(lambda: len(replicas(platform)) == 2, START_SECONDS, "the supervisor starts them again")
    eventually(lambda: len(ready_engines(platform)) == 2, START_SECONDS, "they register")
    assert outcome(platform, 2) == "done"


def test_down_finishes_what_runs_and_leaves_nothing(tiny_model: Path) -> None:
    with under_ray(tiny_model, "1") as platform:
        assert outcome(platform, 0) == "done"
        before = processes(platform)
        begun = [threading.Event() for _ in range(4)]
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(outcome, platform, 0, each, max_tokens=2000) for each in begun]
            assert all(each.wait(60) for each in begun)
            platform.command("down")
            assert {each.result(timeout=120) for each in asked} == {"done"}
        assert platform.process.wait(90) == 0
        assert gone(before)
        assert not (platform.home / "run/ray").exists()
        assert not list((platform.home / "run").glob("*.sock"))


def _replaced(platform: Platform, victim: Replica) -> bool:
    now = {each.engine.pid for each in replicas(platform)}
    return victim.engine.pid not in now and len(now) == 2 and len(ready_engines(platform)) == 2


def _listening(process: psutil.Process) -> list[tuple[str, int]]:
    try:
        found = process.net_connections("inet")
    except psutil.Error:
        return []
    return [(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN]
