"""The engine tells an inference service that it is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import (
    InferenceServiceServicer,
    add_InferenceServiceServicer_to_server,
)
from colonnade.engine import registration as registering
from colonnade.engine.registration import Registration
from colonnade.engine.settings import EngineSettings
from colonnade.errors import InvalidArgument, Unavailable
from colonnade.rpc import Identity, Peer, Server, current
from colonnade.security.access.inference import RPCS
from colonnade.security.identity import Principal

LIMIT = 20.0


class Desk(InferenceServiceServicer):
    def __init__(self) -> None:
        self.lease = 0.003
        self.registered: list[str] = []
        self.left: list[str] = []
        self.principals: set[Principal] = set()
        self.failures: list[Exception] = []
        self.renewed = asyncio.Event()

    async def Register(self, request: wire.RegisterRequest, context: Any) -> wire.RegisterResponse:
        self.principals.add(current().principal)
        if self.failures:
            raise self.failures.pop()
        self.registered.append(request.address)
        if len(self.registered) >= 3:
            self.renewed.set()
        return wire.RegisterResponse(lease_seconds=self.lease)

    async def Deregister(self, request: wire.DeregisterRequest, context: Any) -> wire.DeregisterResponse:
        self.left.append(request.address)
        return wire.DeregisterResponse(found=True)


@dataclass
class Place:
    desk: Desk
    registration: Registration
    server: Server = field(repr=False)


@pytest.fixture
async def place(short_folder: Path) -> AsyncIterator[Place]:
    async with asyncio.timeout(LIMIT), AsyncExitStack() as stack:
        identity = Identity("engine", short_folder / "identity")
        desk = Desk()  # type: ignore[abstract] # what it lacks nobody calls here
        server = Server(f"unix:{short_folder}/run/inference.sock", RPCS, identity)
        server.add(add_InferenceServiceServicer_to_server, desk, "i")
        await server.start()
        stack.push_async_callback(server.stop, 0)
        peer = await stack.enter_async_context(Peer("inference", server.address, identity))
        yield Place(desk, Registration(peer, "e:1"), server)


async def _kept(place: Place) -> None:
    keeping = asyncio.create_task(place.registration.keep())
    await place.desk.renewed.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_it_registers_as_itself_and_renews(place: Place) -> None:
    await _kept(place)
    assert set(place.desk.registered) == {"e:1"}
    assert place.desk.principals == {Principal.service("engine")}


async def test_a_service_that_is_away_or_refuses_is_asked_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "_FIRST_BACKOFF_SECONDS", 0.001)
    place.desk.failures = [Unavailable("starting"), InvalidArgument("no"), Unavailable("starting")]
    await _kept(place)
    assert place.desk.failures == []


async def test_it_leaves_and_a_service_that_is_gone_is_no_error(place: Place) -> None:
    await place.registration.leave()
    assert place.desk.left == ["e:1"]
    await place.server.stop(0)
    await place.registration.leave()


def test_the_address_to_say() -> None:
    assert EngineSettings(listen="unix:/e.sock").advertised == "unix:/e.sock"
    assert EngineSettings(listen="0.0.0.0:9", advertise="e:9").advertised == "e:9"
    with pytest.raises(InvalidArgument, match="COLONNADE_ENGINE_ADVERTISE"):
        EngineSettings(listen="0.0.0.0:9").advertised  # noqa: B018 - the property raises
