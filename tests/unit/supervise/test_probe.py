"""Probes against real servers, well and otherwise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from colonnade.errors import InvalidArgument
from colonnade.supervise.home import Home
from colonnade.supervise.probe import GrpcHealth, Health, HttpHealth, loopback

SECONDS = 10.0


@asynccontextmanager
async def http(answers: Callable[[str], bytes]) -> AsyncIterator[HttpHealth]:
    """A server that answers a path with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(answers(request.split(" ")[1]))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield HttpHealth("127.0.0.1", server.sockets[0].getsockname()[1])


class Deaf:
    """Accepts connections and says nothing."""

    def __init__(self) -> None:
        self._ears: list[asyncio.StreamWriter] = []
        self._gone = asyncio.Event()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ears.append(writer)
        with suppress(ConnectionError):
            await reader.read()
        self._gone.set()

    async def hang_up(self) -> None:
        """gRPC keeps an unfinished handshake open for a while after its channel was closed."""
        for writer in self._ears:
            writer.close()
        await asyncio.wait_for(self._gone.wait(), SECONDS)


async def ask(spec: HttpHealth, seconds: float = SECONDS) -> Health:
    return await spec.open().check(seconds)


async def test_http_ready() -> None:
    async with http(lambda path: b"HTTP/1.1 200 OK\r\n\r\n") as spec:
        assert await ask(spec) == Health(True, True)


async def test_http_alive_but_not_ready() -> None:
    answers = {"/health/ready": b"HTTP/1.1 503 No\r\n\r\n", "/health/live": b"HTTP/1.1 200 OK\r\n\r\n"}
    async with http(answers.__getitem__) as spec:
        assert await ask(spec) == Health(True, False, "/health/ready answers 503")


async def test_http_neither() -> None:
    async with http(lambda path: b"HTTP/1.1 500 No\r\n\r\n") as spec:
        assert await ask(spec) == Health(False, False, "/health/ready answers 500")


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n", b"SSH-2.0-x y\r\n", b"HTTP/1.1 abc\r\n", b"\xff\xff \n"]
)
async def test_http_by_something_else(answer: bytes) -> None:
    async with http(lambda path: answer) as spec:
        assert await ask(spec) == Health(False, False, "does not speak HTTP")


async def test_http_nobody_there() -> None:
    async with http(lambda path: b"") as spec:
        pass
    assert await ask(spec) == Health(False, False, "does not accept connections")


async def test_http_that_never_answers() -> None:
    deaf = Deaf()
    server = await asyncio.start_server(deaf.hold, "127.0.0.1", 0)
    async with server:
        spec = HttpHealth("127.0.0.1", server.sockets[0].getsockname()[1])
        assert await ask(spec, 0.05) == Health(False, False, "does not answer in time")
        await deaf.hang_up()


async def test_grpc(home: Home) -> None:
    spec = GrpcHealth(home.socket("engine"))
    probe = spec.open()
    try:
        assert not (await probe.check(SECONDS)).alive
        server, servicer = grpc.aio.server(), health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        server.add_insecure_port(f"unix:{spec.socket}")
        await server.start()
        await servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        async with asyncio.timeout(SECONDS):
            while (found := await probe.check(SECONDS)) != Health(True, False, "says it is not ready"):
                assert found.reason == "does not accept connections"  # until the channel tries again
        await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        assert await probe.check(SECONDS) == Health(True, True)
        await server.stop(None)
        assert not (await probe.check(SECONDS)).alive
    finally:
        await probe.close()


async def test_grpc_server_that_hangs(home: Home) -> None:
    path, deaf = home.socket("engine"), Deaf()
    async with await asyncio.start_unix_server(deaf.hold, str(path)):
        probe = GrpcHealth(path).open()
        assert (await probe.check(0.2)).alive is False
        await probe.close()
        await deaf.hang_up()


def test_loopback() -> None:
    assert loopback("0.0.0.0") == "127.0.0.1"
    assert loopback("::") == "::1"
    assert loopback("10.0.0.1") == "10.0.0.1"
    with pytest.raises(InvalidArgument):
        loopback("")
