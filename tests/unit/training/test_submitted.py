"""What becomes of runs on a cluster that is away, forgets, cannot start them, or has no room yet."""

import os
import shlex
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from colonnade.errors import Unavailable
from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters.ray_jobs import RayJobs
from colonnade.training.adapters.submitted import Cluster, Shape, State, SubmittedRunner
from colonnade.training.domain import Ending, Sight, Worker
from tests.contract.training.answering import answering
from tests.contract.training.commands import Commands
from tests.contract.training.kube_api import KubeApi
from tests.contract.training.places import (
    DONE,
    HANG,
    TOKEN,
    attempt,
    gone,
    kubernetes_at,
    submitted,
    until,
)  # fmt: skip
from tests.contract.training.ray_head import RayHead

NOBODY = "http://127.0.0.1:9"


@dataclass
class House:
    jobs: Path
    commands: Commands
    head: RayHead
    ray: RayJobs

    @property
    def runner(self) -> SubmittedRunner:
        return submitted(self.jobs, self.ray)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    commands, token = Commands(), tmp_path / "token"
    token.write_text(TOKEN)
    head = RayHead(commands, TOKEN)
    with answering(head) as url:
        house = House(tmp_path / "jobs", commands, head, RayJobs(f"{url}/", token))
        yield house
        commands.forget()
        await house.ray.close()


async def test_what_is_submitted(tmp_path: Path) -> None:
    """Two commands in one: what records that it was started, and becomes the driver."""
    taken: list[str] = []

    class Listening(Nowhere):
        async def submit(self, name: str, command: str, job: object) -> None:
            taken.extend((name, command))

    shape = Shape(Replicas(1, 4), cpus=2, gpus=1, most_lost=5, grow_seconds=60)
    runner = SubmittedRunner(Listening(), tmp_path / "a b", tmp_path, shape)
    await runner.start(attempt(2), DONE)
    name, command = taken
    folder = tmp_path / "a b" / attempt().id
    assert name == f"{attempt().id}-2"
    assert shlex.split(command) == [
        "python", "-P", "-m", "colonnade.training.adapters.launch_worker", "--wait",
        f"{folder}/attempts/0002.json", f"{folder}/lock", "nowhere",
        "python", "-P", "-m", "colonnade.training.adapters.ray_driver", f"{folder}", "2",
        "--work", f"{tmp_path}", "--workers", "1:4", "--cpus", "2", "--gpus", "1", "--most-lost", "5",
        "--grow-seconds", "60", "--",
        "python", "-P", "-m", "colonnade.learn", "run", f"{folder}/recipe.yaml", "--out", f"{folder}/run",
        "--threads", "2",
    ]  # fmt: skip


class Nowhere:
    place = "nowhere"

    async def submit(self, name: str, command: str, job: object) -> None:
        raise Unavailable("nobody is there")

    async def state(self, name: str) -> State:
        return State.UNKNOWN

    async def end(self, name: str) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""


async def test_a_cluster_that_forgot_a_run_has_lost_it(house: House) -> None:
    """It was started anew. What the driver wrote down holds: the attempt is over, and says how it ended."""
    await house.runner.start(attempt(), DONE)
    assert await gone(house.runner, attempt()) == Worker(Sight.GONE, Ending.DONE)
    house.commands.forget()
    assert await house.runner.look(attempt()) == Worker(Sight.GONE, Ending.DONE)
    await house.runner.start(attempt(), DONE)
    assert house.commands.taken == {}


async def test_what_cannot_be_started_says_where_to_look(house: House) -> None:
    runner = submitted(house.jobs, house.ray)
    runner._python = "/no/such/python"
    await runner.start(attempt(), DONE)
    found = await gone(runner, attempt())
    assert (found.sight, found.ending) == (Sight.GONE, Ending.NONE)
    assert f"{attempt().id}-1" in found.words


async def test_one_that_waits_for_room_is_alive_and_ends_when_it_is_asked_to(house: House) -> None:
    house.commands.held = True
    await house.runner.start(attempt(), HANG)
    assert await house.runner.look(attempt()) == Worker(Sight.ALIVE)
    await house.runner.stop(attempt(), insist=False)
    assert house.commands.status(f"{attempt().id}-1") == "STOPPED"
    assert await house.runner.look(attempt()) == Worker(Sight.GONE)


async def test_a_driver_waits_until_the_one_before_is_gone(house: House) -> None:
    """Which the cluster could not end: its machine is cut off."""
    await house.runner.start(attempt(), HANG)
    runs = house.jobs / attempt().id / "run" / "runs"
    await until(runs.exists)
    house.commands.deaf = True
    await house.runner.start(attempt(2), DONE)
    assert await house.runner.look(attempt(2)) == Worker(Sight.ALIVE)
    assert not (house.jobs / attempt().id / "attempts" / "0002.json").exists()
    os.kill(int(runs.read_text()), signal.SIGKILL)
    assert await gone(house.runner, attempt(2)) == Worker(Sight.GONE, Ending.DONE)


@pytest.mark.parametrize("reached", [lambda: RayJobs(NOBODY), lambda: kubernetes_at(NOBODY)])
async def test_a_cluster_that_is_away(tmp_path: Path, reached: Callable[[], Cluster]) -> None:
    runner = submitted(tmp_path, reached())
    assert await runner.look(attempt()) == Worker(Sight.UNSEEN)
    for act in (runner.start(attempt(), DONE), runner.stop(attempt(), insist=True)):
        with pytest.raises(Unavailable, match="answer"):
            await act
    await runner.close()


async def test_rays_token_is_needed_and_may_change(house: House, tmp_path: Path) -> None:
    await house.ray.submit("job_1-1", "true", attempt())
    assert house.head.wishes[0]["metadata"] == {"job": attempt().id, "run": "plays", "tenant": "acme"}
    (tmp_path / "token").write_text("another")
    with pytest.raises(Unavailable, match="RAY_TOKEN_FILE"):
        await house.ray.state("job_1-1")
    house.head.token = "another"
    assert await house.ray.state("job_1-1") in (State.UNDER_WAY, State.OVER)
    (tmp_path / "token").unlink()
    with pytest.raises(Unavailable, match="cannot be read"):
        await house.ray.end("job_1-1")


async def test_what_kubernetes_refuses(tmp_path: Path) -> None:
    api = KubeApi(Commands(), "training", forbidden=True)
    with answering(api) as url:
        cluster = kubernetes_at(url)
        with pytest.raises(Unavailable, match=r"403 .*create, get and delete rayjobs\.ray\.io"):
            await cluster.submit("job_1-1", "true", attempt())
        await cluster.close()
