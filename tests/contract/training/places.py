"""Where workers run, each behind a runner of its own: what the contract of ``Runner`` is held against."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
from kubernetes import client

from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters import session
from colonnade.training.adapters.child_process import ChildProcessRunner
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.kubernetes_jobs import KubernetesJobs
from colonnade.training.adapters.ray_jobs import RayJobs
from colonnade.training.adapters.submitted import Cluster, Shape, SubmittedRunner
from colonnade.training.domain import Job, Sight, Worker
from colonnade.training.ports import Runner
from tests.contract.training.answering import answering
from tests.contract.training.commands import Commands
from tests.contract.training.kube_api import KubeApi
from tests.contract.training.ray_head import RayHead
from tests.unit.training.fakes import job

LIMIT = 60.0
WORKER = (sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "unit/training/worker.py"))
DRIVER = (str(Path(__file__).with_name("driver.py")),)
HANG, STUBBORN, CRASH, REFUSE, DONE = (
    f"name: plays\nsteps: 2\ndescription: {act}\n"
    for act in ("hang", "hang stubborn", "crash", "refuse", "done")
)
ALIVE = Worker(Sight.ALIVE)
TOKEN = "0123456789abcdef"
TEMPLATE: dict[str, Any] = {
    "kind": "RayJob",
    "metadata": {"labels": {"team": "models"}},
    "spec": {
        "rayClusterSpec": {
            "rayVersion": "2.60.0",
            "headGroupSpec": {
                "rayStartParams": {"num-cpus": "0"},
                "template": {
                    "spec": {"containers": [{"name": "ray-head", "image": "colonnade-train:0.1.0"}]}
                },
            },
        }
    },
}


@dataclass
class Place:
    """``runner`` makes another one: what a restarted service has."""

    folder: JobFolder
    runner: Callable[[], Runner]
    commands: Commands = field(default_factory=Commands)
    clusters: list[Cluster] = field(default_factory=list)
    """That runners were made of."""

    @property
    def pids(self) -> list[int]:
        runs = self.folder.run / "runs"
        return [int(line) for line in runs.read_text().split()] if runs.exists() else []

    async def ready(self, number: int = 1) -> int:
        """The pid of the number-th worker, once it listens to signals."""
        await until(lambda: len(self.pids) >= number)
        return self.pids[number - 1]

    async def close(self) -> None:
        self.commands.forget()
        for cluster in self.clusters:
            await cluster.close()
        for pid in self.pids:
            if is_there(pid):
                psutil.Process(pid).kill()


@asynccontextmanager
async def on_this_machine(jobs: Path) -> AsyncIterator[Place]:
    def runner() -> Runner:
        return ChildProcessRunner(jobs, jobs.parent, os.environ, command=WORKER, machine="here")

    place = Place(JobFolder.of(jobs, job().id), runner)
    yield place
    await place.close()
    for record in place.folder.attempts.glob("*.json"):
        if (started := place.folder.started(int(record.stem))) and started.pid:
            session.reap(started)


@asynccontextmanager
async def on_ray(jobs: Path) -> AsyncIterator[Place]:
    commands, token = Commands(), jobs.parent / "token"
    token.write_text(f"{TOKEN}\n")
    with answering(RayHead(commands, TOKEN)) as url:
        place = _submitted(jobs, commands, lambda: RayJobs(url, token))
        yield place
        await place.close()


@asynccontextmanager
async def on_kubernetes(jobs: Path) -> AsyncIterator[Place]:
    commands = Commands()
    with answering(KubeApi(commands, "training")) as url:
        place = _submitted(jobs, commands, lambda: kubernetes_at(url))
        yield place
        await place.close()


def kubernetes_at(url: str) -> KubernetesJobs:
    configuration = client.Configuration(host=url)
    configuration.retries = False
    return KubernetesJobs(client.CustomObjectsApi(client.ApiClient(configuration)), "training", TEMPLATE)


def _submitted(jobs: Path, commands: Commands, reached: Callable[[], Cluster]) -> Place:
    clusters: list[Cluster] = []

    def runner() -> Runner:
        clusters.append(reached())
        return submitted(jobs, clusters[-1])

    return Place(JobFolder.of(jobs, job().id), runner, commands, clusters)


def submitted(jobs: Path, cluster: Cluster) -> SubmittedRunner:
    shape = Shape(Replicas(1, 1))
    python = sys.executable
    return SubmittedRunner(cluster, jobs, jobs.parent, shape, python=python, driver=DRIVER, worker=WORKER)


def attempt(number: int = 1) -> Job:
    return replace(job(), attempt=number)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.01)


async def gone(runner: Runner, found: Job) -> Worker:
    async with asyncio.timeout(LIMIT):
        while (worker := await runner.look(found)).sight is Sight.ALIVE:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.02)
    return worker


def is_there(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
