"""A house with a model of two versions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, sqlite_url
from tests.unit.registry.fakes import draft
from tests.unit.registry.rollouts.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database(sqlite_url(tmp_path / "registry.db"))
    await migrate(database, "colonnade.registry")
    house = House(database)
    for seed in (1, 2):
        await house.versions.register(draft("smol", seed), alias="")
    yield house
    await database.close()
