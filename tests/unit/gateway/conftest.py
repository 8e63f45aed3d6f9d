"""A gateway on fakes and a client of it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.gateway.fakes import House


@pytest.fixture
async def house() -> House:
    return House()


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as client:
        yield client
