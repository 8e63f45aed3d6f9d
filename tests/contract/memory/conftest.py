"""The stores of memories: in memory, on a file and on a real server."""

import pytest

from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.ports import MemoryStore
from tests.contract.conftest import KINDS, Opener
from tests.unit.memory.fakes import FakeMemoryStore


@pytest.fixture(params=KINDS)
async def sql_store(request: pytest.FixtureRequest, opened: Opener) -> SqlMemoryStore:
    return SqlMemoryStore(opened(request.param, "colonnade.memory"))


@pytest.fixture(params=("memory", *KINDS))
async def store(request: pytest.FixtureRequest, opened: Opener) -> MemoryStore:
    if request.param == "memory":
        return FakeMemoryStore()
    return SqlMemoryStore(opened(request.param, "colonnade.memory"))
