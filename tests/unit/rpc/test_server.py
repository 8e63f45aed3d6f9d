"""Where a server listens, how it starts, stops and comes back."""

import asyncio
import stat
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from colonnade.api.engine.v1 import engine_pb2 as engine
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub, add_EngineServiceServicer_to_server
from colonnade.errors import InvalidArgument, Unavailable
from colonnade.rpc import Identity, Peer, Server
from tests.unit.rpc.conftest import LIMIT, serving
from tests.unit.rpc.subject import NAME, RPCS, Subject


async def _health(address: str, name: str = "") -> str:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def _stats(peer: Peer) -> str:
    stub = EngineServiceStub(peer.channel)
    return (await peer.unary(stub.Stats, engine.StatsRequest(), engine.StatsResponse)).instance


@pytest.mark.parametrize("name", ["", NAME])
async def test_health_needs_no_identity_and_follows_readiness(server: Server, name: str) -> None:
    assert await _health(server.address, name) == "NOT_SERVING"
    await server.ready(True)
    assert await _health(server.address, name) == "SERVING"
    await server.ready(False)
    assert await _health(server.address, name) == "NOT_SERVING"


async def test_a_tcp_port_is_chosen_and_told(subject: Subject, identity: Identity) -> None:
    server = Server("127.0.0.1:0", RPCS, identity)
    server.add(add_EngineServiceServicer_to_server, subject, NAME)
    port = await server.start()
    async with asyncio.timeout(LIMIT), Peer("engine", f"127.0.0.1:{port}", identity) as peer:
        assert await _stats(peer) == "one"
    await server.stop(0)


async def test_the_sockets_folder_is_the_owners_alone(server: Server, folder: Path) -> None:
    assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o700


async def test_a_folder_of_ours_that_others_can_enter_is_closed(
    subject: Subject, identity: Identity, folder: Path, address: str
) -> None:
    (folder / "run").mkdir(mode=0o755)
    async with serving(address, subject, identity):
        assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o700


async def test_a_folder_shared_by_all_is_refused_and_left_alone(
    subject: Subject, identity: Identity, folder: Path
) -> None:
    shared = folder / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(InvalidArgument, match="folder"):
        await Server(f"unix:{shared}/engine.sock", RPCS, identity).start()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


async def test_a_dead_servers_socket_is_replaced(
    subject: Subject, identity: Identity, folder: Path, address: str
) -> None:
    (folder / "run").mkdir(mode=0o700)
    (folder / "run" / "engine.sock").touch()
    async with serving(address, subject, identity), Peer("engine", address, identity) as peer:
        assert await _stats(peer) == "one"


async def test_a_living_servers_socket_is_not_taken(
    server: Server, peer: Peer, subject: Subject, identity: Identity
) -> None:
    with pytest.raises(InvalidArgument, match="in use"):
        await Server(server.address, RPCS, identity).start()
    assert await _stats(peer) == "one"


async def test_a_taken_port_is_refused(subject: Subject, identity: Identity) -> None:
    first = Server("127.0.0.1:0", RPCS, identity)
    port = await first.start()
    with pytest.raises(InvalidArgument, match="in use"):
        await Server(f"127.0.0.1:{port}", RPCS, identity).start()
    await first.stop(0)


async def test_a_path_too_long_for_a_socket_says_so(identity: Identity, folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="107"):
        await Server(f"unix:{folder}/{'x' * 120}.sock", RPCS, identity).start()


async def test_a_peer_finds_a_server_that_came_back(
    subject: Subject, identity: Identity, address: str
) -> None:
    async with asyncio.timeout(LIMIT), Peer("engine", address, identity) as peer:
        with pytest.raises(Unavailable, match="the engine service is not reachable"):
            await _stats(peer)
        for _ in range(2):
            async with serving(address, subject, identity):
                await _until_found(peer)
            with pytest.raises(Unavailable):
                await _stats(peer)


async def _until_found(peer: Peer) -> None:
    """Waits as gRPC reconnects: on its connectivity, not on a clock."""
    while (state := peer.channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
        await peer.channel.wait_for_state_change(state)
    assert await _stats(peer) == "one"


async def test_stopping_lets_a_running_call_finish(
    subject: Subject, identity: Identity, address: str
) -> None:
    async with (
        asyncio.timeout(LIMIT),
        serving(address, subject, identity) as server,
        Peer("engine", address, identity) as peer,
    ):
        stub = EngineServiceStub(peer.channel)
        responses = peer.stream(stub.Submit, engine.SubmitRequest(), engine.SubmitResponse)
        await anext(responses)
        stopping = asyncio.create_task(server.stop(LIMIT))
        assert (await anext(responses)).chunk.text == "b"
        assert not subject.ended.is_set()
        await responses.aclose()
        await stopping
    assert subject.ended.is_set()
