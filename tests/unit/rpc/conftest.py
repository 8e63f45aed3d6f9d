"""A real server on a real unix socket, and peers of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from colonnade.api.engine.v1.engine_pb2_grpc import add_EngineServiceServicer_to_server
from colonnade.rpc import Identity, Peer, Server
from tests.unit.rpc.subject import NAME, RPCS, Subject

LIMIT = 10.0
"""Seconds that nothing here may take."""


@pytest.fixture
def folder(short_folder: Path) -> Path:
    return short_folder


@pytest.fixture
def identity(folder: Path) -> Identity:
    return Identity("inference", folder / "identity")


@pytest.fixture
def address(folder: Path) -> str:
    return f"unix:{folder}/run/engine.sock"


@pytest.fixture
def subject() -> Subject:
    return Subject()


@asynccontextmanager
async def serving(address: str, subject: Subject, identity: Identity) -> AsyncIterator[Server]:
    server = Server(address, RPCS, identity)
    server.add(add_EngineServiceServicer_to_server, subject, NAME)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


@pytest.fixture
async def server(address: str, subject: Subject, identity: Identity) -> AsyncIterator[Server]:
    async with asyncio.timeout(LIMIT), serving(address, subject, identity) as started:
        yield started


@pytest.fixture
async def peer(server: Server, identity: Identity) -> AsyncIterator[Peer]:
    async with Peer("engine", server.address, identity) as connected:
        yield connected
