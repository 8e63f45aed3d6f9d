"""Either service is killed at every step of publishing: there is one version, in the submitter's name."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from colonnade.api.training.v1 import training_pb2 as messages
from colonnade.errors import Unavailable
from colonnade.training.adapters import registry_calls
from tests.integration.registry.drill import process
from tests.unit.training.test_main import Client
from tests.unit.training.test_registering import CONVERTER, RECIPE, Registry, ended, training_up
from tests.unit.training.test_registering import home as home

SERVE = Path(__file__).with_name("serve.py")
STEPS = (
    "begin",
    "announce",
    "write",
    "announce",
    "write",
    "announce",
    "write",
    "seal",
    "describe",
    "record",
    "move",
)
SETTINGS = {"DRILL_CONVERTER": CONVERTER[-1], "COLONNADE_REGISTRY_DATABASE_URL": ""}
LIMIT = 300.0
T = TypeVar("T")


class Training:
    """The training service's process, started again as often as it dies."""

    def __init__(self, home: Path) -> None:
        self.client, self._dies_at = Client(home), home / "dies-at"
        self._process = self._started()

    async def publishes(self, recipe: str, dies_behind: int) -> messages.Job:
        """As far as its death behind so many calls, and on in a process that lives."""
        draft = self._dies_at.with_suffix(".draft")
        draft.write_text(str(dies_behind))
        draft.rename(self._dies_at)
        job_id = (await self._asked(lambda: self.client.submit(recipe))).id
        assert await asyncio.to_thread(self._process.wait) == -9
        self._dies_at.unlink()
        self._process = self._started()
        await self._asked(lambda: self.client.get(job_id))
        return await ended(self.client, job_id)

    async def close(self) -> None:
        await self.client.peer.close()
        self._process.terminate()
        assert await asyncio.to_thread(self._process.wait) == 0

    def _started(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "DRILL_DIES_AT": str(self._dies_at)}
        return subprocess.Popen([sys.executable, str(SERVE)], env=environment, stdin=subprocess.DEVNULL)

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Also while it starts."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await ask()
                except Unavailable:
                    await asyncio.sleep(0.02)


async def check(home: Path, job: messages.Job, versions: int = 1) -> None:
    assert job.state == messages.JOB_STATE_SUCCEEDED, job.message
    registry = Registry(home)
    try:
        found = await registry.model(job.produced_model)
        assert [each.manifest.version for each in found.versions] == list(range(versions, 0, -1))
        record = await registry.version(job.produced_model, job.produced_version)
        assert (record.tenant, record.version.created_by) == ("acme", "acme/eve")
        assert record.tags["run"] == job.id
        assert "live" in record.aliases
        assert ("version", "produced_by", "run") in await registry.edges(job.produced_digest)
    finally:
        await registry.peer.close()


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT)
async def test_the_training_service_dies_at_every_step(home: Path) -> None:
    registry, training = process.Registry(home, SETTINGS), Training(home)
    try:
        await registry.up()
        for number in range(len(STEPS)):
            recipe = RECIPE.format(seed=number) + "output: {model: bard, alias: live}\n"
            await check(home, await training.publishes(recipe, number), versions=number + 1)
    finally:
        await training.close()
        await registry.close()


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT)
@pytest.mark.parametrize("after", [False, True])
async def test_the_registry_dies_at_every_step(
    home: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the call, or once it had its effect; each time at another of a job's calls."""
    registry, kills = process.Registry(home, SETTINGS), dict.fromkeys(dict.fromkeys(STEPS), 1)

    def mortal(name: str) -> None:
        call = getattr(registry_calls.RegistryCalls, name)

        async def called(*arguments: object) -> object:
            if not after and kills.pop(name, 0):
                await registry.kill()
            result = await call(*arguments)
            if after and kills.pop(name, 0):
                await registry.kill()
            return result

        monkeypatch.setattr(registry_calls.RegistryCalls, name, called)

    for name in dict.fromkeys(STEPS):
        mortal(name)
    try:
        await registry.up()
        async with AsyncExitStack() as stack:
            client = await training_up(stack, home)
            job = await client.submit(RECIPE.format(seed=1) + "output: {model: bard, alias: live}\n")
            done = await ended(client, job.id, LIMIT)
            await registry.up()
            await check(home, done)
            assert kills == {}
    finally:
        await registry.close()
