"""A registry's drafts on a database file, with an importer that is scripted."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colonnade.registry.adapters.every_source import EverySource, Uploads
from colonnade.registry.adapters.remote import RemoteSources
from colonnade.registry.adapters.sources import LocalSources
from colonnade.registry.adapters.spool import FolderSpool
from colonnade.registry.adapters.sql import SqlVersionStore
from colonnade.registry.adapters.sql_drafts import SqlDraftStore
from colonnade.registry.domain import Version
from colonnade.registry.drafts.draft import BeginOrder, State
from colonnade.registry.drafts.runner import DraftRunner
from colonnade.registry.drafts.service import Drafts
from colonnade.registry.imports import Imports
from colonnade.security.outbound import Allowed, Outbound
from colonnade.storage.blobs import LocalBlobStore
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.registry.drafts.files import announced, pieces, safetensors
from tests.unit.registry.fakes import ENGINEER, MemoryTrail, ScriptedImporter, ticking

CONFIG, WEIGHTS = b'{"a": 1}', safetensors()


class House:
    """A registry's drafts with everything around them."""

    def __init__(self, folder: Path, database: Database) -> None:
        (folder / "work").mkdir(exist_ok=True)
        self.folder = folder
        self.versions, self.store = SqlVersionStore(database), SqlDraftStore(database)
        self.blobs = LocalBlobStore(folder / "blobs")
        self.spool = FolderSpool(folder / "drafts", self.blobs)
        self.importer, self.trail = ScriptedImporter(folder / "work"), MemoryTrail()
        outbound = Outbound(Allowed.parse("", "COLONNADE_REGISTRY_IMPORT_URLS"))
        sources = EverySource(
            LocalSources([folder]),
            RemoteSources(outbound, max_bytes=1, seconds=1),
            Uploads(self.store, self.spool),
        )
        self.imports = Imports(self.versions, self.blobs, sources, self.importer, self.trail, clock=ticking())
        self.runner = DraftRunner(self.store, days=7, pause_seconds=0.01, clock=ticking())
        self.drafts = Drafts(
            self.store, self.versions, self.spool, self.blobs, sources, self.imports, self.trail,
            clock=ticking(), wake=self.runner.wake,
        )  # fmt: skip

    async def uploaded(self) -> None:
        await self.drafts.begin(BeginOrder("smol", description="small"), ENGINEER)
        for path, content in (("config.json", CONFIG), ("model.safetensors", WEIGHTS)):
            await self.drafts.open_file("smol", 1, announced(path, content), ENGINEER)
            await self.drafts.write_file("smol", 1, path, 0, pieces(content), ENGINEER)

    async def sealed(self, number: int = 1) -> Version:
        events = [event async for event in self.drafts.seal("smol", number, ENGINEER)]
        assert isinstance(events[-1], Version)
        return events[-1]

    async def state(self, number: int = 1) -> State:
        return (await self.drafts.get("smol", number)).draft.state


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the registry's tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "registry.db"
    with ThreadPoolExecutor(1) as threads:  # a test's own loop may be running in this one
        threads.submit(asyncio.run, _migrated(path)).result()
    return path


@pytest.fixture
async def house(template: Path, tmp_path: Path) -> AsyncIterator[House]:
    shutil.copyfile(template, tmp_path / "registry.db")
    database = Database(sqlite_url(tmp_path / "registry.db"))
    yield House(tmp_path, database)
    await database.close()


async def _migrated(path: Path) -> None:
    database = Database(sqlite_url(path))
    try:
        await migrate(database, "colonnade.registry")
    finally:
        await database.close()
