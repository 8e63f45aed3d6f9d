"""A bench in memory, and one on the stores that a platform has."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.gateway.adapters.sql_batches import SqlBatchStore
from colonnade.gateway.adapters.sql_files import SqlFileStore
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.gateway.batches.bench import Bench
from tests.unit.gateway.fakes import House


@pytest.fixture
def bench(house: House) -> Bench:
    return Bench(house)


@pytest.fixture
async def on_disk(bench: Bench, tmp_path: Path) -> AsyncIterator[Bench]:
    """With the stores that a platform has."""
    database, house = Database(sqlite_url(tmp_path / "gateway.db")), bench.house
    await migrate(database, "colonnade.gateway")
    house.batch_store, house.file_store = SqlBatchStore(database), SqlFileStore(database)  # type: ignore[assignment]
    yield bench
    await database.close()
