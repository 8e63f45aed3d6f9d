"""The whole registry killed 30 times under a stream of writes: nothing acknowledged is lost or torn."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import pytest

from colonnade.api.registry.v1 import registry_pb2 as messages
from colonnade.api.registry.v1.registry_pb2_grpc import RegistryServiceStub
from colonnade.errors import ColonnadeError, Unavailable
from colonnade.rpc import Identity, Peer
from colonnade.security.audit import Record, read, verify
from colonnade.security.identity import Principal, Role
from colonnade.storage.blobs import LocalBlobStore

KILLS = int(os.environ.get("KILL_DRILL_SERVICE", "30"))
SEED = int(os.environ.get("KILL_DRILL_SEED", "20260101"))
MOVERS = 3
IMPORTERS = 2
START_SECONDS = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def home(short_folder: Path) -> Path:
    return short_folder


class Service:
    """The registry's process and a connection to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal("drill", "writer", frozenset({Role.ADMIN}))
        self.peer = Peer("registry", f"unix:{home}/run/registry.sock", identity)
        self.stub = RegistryServiceStub(self.peer.channel)
        self._next = self._prepare()
        self.process = self._start()

    async def up(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            await self.peer.channel.channel_ready()

    async def kill(self) -> None:
        """SIGKILL to the process alone: what it had started must notice by itself."""
        self.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(self.process.wait)
        self.process = self._start()

    async def close(self) -> None:
        await self.peer.close()
        self._next.kill()
        self._next.communicate()
        self.process.terminate()
        assert await asyncio.to_thread(self.process.wait, START_SECONDS) == 0

    async def set_alias(self, name: str, alias: str, versions: list[int], expected: int) -> int:
        """The new revision."""
        first, *rest = versions
        weights = {first: 100 - 30 * len(rest)} | dict.fromkeys(rest, 30)
        targets = [
            messages.AliasTarget(version=version, weight=weight) for version, weight in weights.items()
        ]
        request = messages.SetAliasRequest(
            name=name, alias=alias, targets=targets, expected_revision=expected
        )
        answer = await self.peer.unary(self.stub.SetAlias, request, messages.SetAliasResponse)
        return answer.alias.revision

    async def import_model(self, name: str, content: str) -> messages.Version:
        """The key says what is imported, so that asking again after a kill is safe."""
        source = self.home / f"{name}-{content}.gguf"
        source.write_text(f"convert\n{content}")
        request = messages.ImportModelRequest(source=str(source), name=name, idempotency_key=source.stem)
        version = None
        async for event in self.peer.stream(self.stub.ImportModel, request, messages.ImportModelResponse):
            version = event.version if event.stage == "done" else None
        assert version is not None
        return version

    async def model(self, name: str) -> messages.GetModelResponse:
        request = messages.GetModelRequest(name=name)
        return await self.peer.unary(self.stub.GetModel, request, messages.GetModelResponse)

    def _start(self) -> subprocess.Popen[bytes]:
        """Lets the next process go on, and prepares another, so that no kill waits for imports."""
        process, self._next = self._next, self._prepare()
        assert process.stdin is not None
        with process.stdin as go:
            go.write(b"go\n")
        return process

    def _prepare(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ, "COLONNADE_HOME": str(self.home), "COLONNADE_REGISTRY_IMPORT_ROOTS": str(self.home),
            "COLONNADE_REGISTRY_METRICS_PORT": "0",
        }  # fmt: skip
        command = [sys.executable, str(Path(__file__).with_name("serve.py"))]
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)


class Drill:
    """Writers that never stop, and what they know: only what was acknowledged, or seen after a restart."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.random = random.Random(SEED)
        self.counts: Counter[str] = Counter()
        self.acknowledged = asyncio.Condition()
        self.in_flight = 0
        self.killed_in_flight = 0
        self.stopping = False
        self.moved: dict[str, tuple[int, list[int]]] = {}
        self.imported: dict[tuple[str, int], str] = {}

    async def run(self) -> None:
        await self.service.up()
        for number in range(2):
            await self._import("shared", f"seed{number}")
        async with asyncio.TaskGroup() as group:
            for number in range(MOVERS):
                group.create_task(self._keep_moving(f"mover{number}"))
            for number in range(IMPORTERS):
                group.create_task(self._keep_importing(f"model{number}"))
            for _ in range(KILLS):
                await self._some_more(self.random.choice(["moves", "moves", "imports"]))
                await asyncio.sleep(self.random.uniform(0, 0.3))  # the moment of the kill
                self.killed_in_flight += self.in_flight
                await self.service.kill()
            await self.service.up()
            self.stopping = True

    async def _some_more(self, what: str) -> None:
        """Returns when one to three more of these were acknowledged, by a service that is up again."""
        enough = self.counts[f"{what} acknowledged"] + self.random.randint(1, 3)
        async with self.acknowledged, asyncio.timeout(START_SECONDS):
            await self.acknowledged.wait_for(lambda: self.counts[f"{what} acknowledged"] >= enough)

    async def _keep_moving(self, alias: str) -> None:
        self.moved[alias] = (0, [])
        while not self.stopping:
            revision, _ = self.moved[alias]
            versions = self.random.sample([1, 2], self.random.choice([1, 2]))
            try:
                async with self._counted("moves"):
                    new = await self.service.set_alias("shared", alias, versions, revision)
            except Unavailable:
                await self._look_again(alias, revision, versions)
            else:
                assert new == revision + 1
                self.moved[alias] = (new, versions)

    async def _look_again(self, alias: str, revision: int, versions: list[int]) -> None:
        """A move that was not acknowledged has happened as it was asked for, or not at all."""
        kept = (await self._until_answered()).model.aliases
        found = next(((a.revision, _targets(a)) for a in kept if a.name == alias), (0, []))
        before = self.moved[alias]
        if found == (revision + 1, sorted(versions)):
            self.counts["moves made, not acknowledged"] += 1
            self.moved[alias] = (revision + 1, versions)
        else:
            assert found == (before[0], sorted(before[1])), "torn"
            self.counts["moves not made"] += 1

    async def _keep_importing(self, name: str) -> None:
        number = 0
        while not self.stopping:
            number += 1
            content = f"weights{number}"
            while True:
                try:
                    async with self._counted("imports"):
                        await self._import(name, content)
                    break
                except Unavailable:
                    self.counts["imports begun again"] += 1
                    await self._until_answered()

    async def _import(self, name: str, content: str) -> None:
        manifest = (await self.service.import_model(name, content)).manifest
        self.imported[name, manifest.version] = manifest.digest

    async def _until_answered(self) -> messages.GetModelResponse:
        while True:
            with suppress(Unavailable):
                await self.service.up()
                return await self.service.model("shared")

    @asynccontextmanager
    async def _counted(self, what: str) -> AsyncIterator[None]:
        self.in_flight += 1
        try:
            yield
            self.counts[f"{what} acknowledged"] += 1
        finally:
            self.in_flight -= 1
        async with self.acknowledged:
            self.acknowledged.notify_all()


def _targets(alias: messages.Alias) -> list[int]:
    assert sum(target.weight for target in alias.targets) == 100
    return sorted(target.version for target in alias.targets)


async def test_thirty_kills_of_the_whole_service(home: Path) -> None:
    started = time.monotonic()
    service = Service(home)
    drill = Drill(service)
    try:
        await drill.run()
        await _all_acknowledged_is_there(drill)
    finally:
        with suppress(ColonnadeError, grpc.aio.AioRpcError):
            await service.close()
    _the_files_are_sound(home)
    _the_audit_trail_knows_it_all(home, drill)
    counts = ", ".join(f"{count} {what}" for what, count in sorted(drill.counts.items()))
    seconds, under_way = time.monotonic() - started, drill.killed_in_flight
    sys.stdout.write(
        f"\n{KILLS} kills in {seconds:.0f} s with {under_way} writes under way; {counts}; 0 lost, 0 torn\n"
    )
    assert drill.killed_in_flight >= 2 * KILLS
    assert min(drill.counts["moves not made"], drill.counts["imports begun again"]) > 0
    assert min(drill.counts["moves acknowledged"], drill.counts["imports acknowledged"]) >= KILLS / 2


async def _all_acknowledged_is_there(drill: Drill) -> None:
    shared = (await drill.service.model("shared")).model
    for alias in shared.aliases:
        if alias.name in drill.moved:
            revision, asked = drill.moved[alias.name]
            assert (alias.revision, _targets(alias)) == (revision, sorted(asked))
    blobs = LocalBlobStore(drill.service.home / "blobs")
    for name in {name for name, _ in drill.imported}:
        versions = (await drill.service.model(name)).versions
        found = {(name, version.manifest.version): version.manifest.digest for version in versions}
        assert found == {key: digest for key, digest in drill.imported.items() if key[0] == name}
        assert len(set(found.values())) == len(found)
        for version in versions:
            for artefact in version.manifest.artefacts:
                assert await blobs.verify(artefact.digest)


def _the_files_are_sound(home: Path) -> None:
    """The database; and nothing of the killed is left: drafts, workspaces, converters."""
    connection = sqlite3.connect(home / "data" / "registry" / "registry.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert list((home / "blobs" / "tmp").glob("*")) == []
    assert list((home / "data" / "registry" / "imports").glob("*")) == []


def _the_audit_trail_knows_it_all(home: Path, drill: Drill) -> None:
    path = home / "audit" / "registry.jsonl"
    checked = verify(path)
    assert checked.ok, checked.problems
    done = [record for record in read(path) if record.outcome == "ok"]
    versions = {_version(record) for record in done if record.action == "registry.import"}
    assert versions >= set(drill.imported.items())
    moves = [record for record in done if record.action == "registry.alias.set"]
    cut_off = (
        len(moves) - drill.counts["moves acknowledged"]
    )  # made and recorded, the answer lost in the kill
    assert 0 <= cut_off <= drill.counts["moves made, not acknowledged"]


def _version(record: Record) -> tuple[tuple[str, int], str]:
    return (record.facts["model"], record.facts["version"]), record.facts["digest"]
