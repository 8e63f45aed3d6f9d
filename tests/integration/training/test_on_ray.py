"""Runs on a real Ray cluster: elastic, and killed on the way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from colonnade.errors import Unavailable
from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.ray_jobs import RayJobs
from colonnade.training.adapters.submitted import Shape, SubmittedRunner
from colonnade.training.domain import Ending, Job, Sight, Worker
from tests.contract.training.places import gone
from tests.harness.platform import eventually
from tests.integration.training.ray_cluster import RayCluster, ray_cluster
from tests.unit.learn.recipes import corpus, recipe
from tests.unit.training.fakes import job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LIMIT = 240
NOISE = 1e-3
"""Of a loss: rounding, after so many steps."""


@dataclass(frozen=True)
class Run:
    """A job on the cluster, seen from outside."""

    folder: JobFolder
    number: int
    cluster: RayCluster | None = None

    def attempt(self, number: int = 1) -> Job:
        return replace(job(self.number), attempt=number)

    @property
    def ranks(self) -> dict[int, psutil.Process]:
        """Those that run, as the kernel sees them."""
        found = {}
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if each.cmdline()[-5:-2] == [str(self.folder.recipe), "--out", str(self.folder.run)]:
                    found[int(each.environ().get("RANK", "0"))] = each
        return found

    @property
    def steps(self) -> list[dict[str, Any]]:
        lines = self.folder.log.read_text().splitlines() if self.folder.log.exists() else []
        return [said for line in lines if (said := json.loads(line))["event"] == "step"]

    @property
    def last_step(self) -> int:
        return max((int(each["step"]) for each in self.steps), default=0)

    async def gets_to(self, step: int) -> None:
        await _eventually(lambda: self.last_step >= step)

    async def goes_on_as(self, ranks: list[int]) -> None:
        """They are there, and train for more than one checkpoint."""
        before = self.last_step
        try:
            await _eventually(lambda: self.last_step > before and sorted(self.ranks) == ranks)
            begun = self.last_step
            await _eventually(lambda: self.last_step > begun + 20 and sorted(self.ranks) == ranks)
        except TimeoutError:
            said = self.cluster.said() if self.cluster else ""
            raise TimeoutError(f"steps {before} to {self.last_step}, ranks {self.ranks}\n{said}") from None


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.1)


async def begun(runner: SubmittedRunner, wanted: Job, recipe: str) -> None:
    """A head takes no jobs yet when its machine says that it is there; the dispatcher tries again too."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                return await runner.start(wanted, recipe)
            except Unavailable:
                await asyncio.sleep(0.5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with tempfile.TemporaryDirectory(dir="/tmp") as short, ray_cluster(Path(short)) as cluster:
        yield cluster


@pytest.fixture
async def runner(cluster: RayCluster, tmp_path: Path) -> AsyncIterator[SubmittedRunner]:
    ray = RayJobs(cluster.address, cluster.token)
    shape = Shape(Replicas(1, 2), threads=1, grow_seconds=5)
    yield SubmittedRunner(ray, tmp_path / "jobs", tmp_path, shape, python=sys.executable)
    await ray.close()


def wanted(folder: Path, steps: int) -> str:
    stories = corpus(folder / "corpus")
    said = recipe(
        stories,
        steps=steps,
        optimiser={"name": "sgd", "learning_rate": 0.1},
        schedule={"kind": "constant"},
        evaluation={"every": 100_000, "prompts": []},
        checkpoints={"every": 10},
        reports={"every": 1, "tensorboard": False},
    )
    return json.dumps(said.model_dump(mode="json", by_alias=True))


async def test_a_run_goes_on_at_whatever_size_there_is_room_for(
    cluster: RayCluster, runner: SubmittedRunner, tmp_path: Path
) -> None:
    run = Run(JobFolder(tmp_path / "jobs" / job(1).id), 1, cluster)
    text = wanted(tmp_path, 100_000)
    await begun(runner, run.attempt(), text)
    await run.gets_to(15)
    assert sorted(run.ranks) == [0]
    other = cluster.join()
    await run.goes_on_as([0, 1])  # with more room, a larger group
    os.kill(run.ranks[1].pid, signal.SIGKILL)  # a process: another group of that size
    await run.goes_on_as([0, 1])
    os.kill(run.ranks[0].pid, signal.SIGKILL)
    await run.goes_on_as([0, 1])
    cluster.kill(other)  # a machine: it goes on with the one that is left
    await run.goes_on_as([0])
    assert await runner.look(run.attempt()) == Worker(Sight.ALIVE)
    await runner.stop(run.attempt(), insist=False)
    assert (await gone(runner, run.attempt())).ending is Ending.STOPPED
    assert run.ranks == {}
    reference = losses_of_one_process(tmp_path, text, run.last_step)
    for each in run.steps:
        assert abs(each["loss"] - reference[each["step"]]) < NOISE, each["step"]


def losses_of_one_process(folder: Path, text: str, step: int) -> dict[int, float]:
    """As far as that step, undisturbed."""
    (folder / "alone.yaml").write_text(text)
    alone = Run(JobFolder(folder / "alone"), 0)
    command = [sys.executable, "-m", "colonnade.learn", "run", str(folder / "alone.yaml"), "--threads", "1"]
    with subprocess.Popen([*command, "--out", str(alone.folder.run)], stdout=subprocess.DEVNULL) as process:
        eventually(lambda: alone.last_step >= step, LIMIT, "the run gets there")
        process.terminate()
    return {each["step"]: each["loss"] for each in alone.steps}
