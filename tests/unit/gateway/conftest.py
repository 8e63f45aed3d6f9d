"""A gateway on fakes and a client of it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.unit.gateway.fakes import House


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """The log lines of the test."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def house() -> House:
    return House()


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as client:
        yield client
