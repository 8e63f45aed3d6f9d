"""Leaving a stream, against a real server that notices."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from colonnade.client import AsyncColonnade, Colonnade
from colonnade.errors import Cancelled, DeadlineExceeded, Unavailable
from tests.unit.client.platform import ENDING

LIMIT = 20.0
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Server:
    """Sends two chunks of text, then waits to be left or to be told to end."""

    url: str = ""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD + _chunk({"id": "1", "text": "a"}) + _chunk({"id": "1", "text": "b"}))
        await writer.drain()
        self.begun.set()
        left = asyncio.create_task(self._until_left(reader))
        end = asyncio.create_task(self.end.wait())
        await asyncio.wait([left, end], return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            self.left.set()
        elif not self.cut:
            writer.write(_chunk(ENDING) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        for task in (left, end):
            task.cancel()
        await asyncio.gather(left, end, return_exceptions=True)
        writer.close()

    async def _until_left(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(65536):
            pass


def _chunk(payload: object) -> bytes:
    data = f"data: {json.dumps(payload)}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    started = Server()
    listening = await asyncio.start_server(started.serve, "127.0.0.1", 0)
    started.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(LIMIT):
        yield started
        started.end.set()
        listening.close()
        await listening.wait_closed()


async def test_leaving_the_block_cancels(server: Server) -> None:
    async with AsyncColonnade(server.url) as client:
        async with client.stream("p") as stream:
            async for chunk in stream:
                assert chunk.text == "a"
                break
        await server.left.wait()
        with pytest.raises(Cancelled):
            _ = stream.result


async def test_leaving_the_block_cancels_in_a_thread(server: Server) -> None:
    def leave() -> None:
        with Colonnade(server.url) as client:
            with client.stream("p") as stream:
                assert next(iter(stream)).text == "a"
            with pytest.raises(Cancelled):
                _ = stream.result

    await asyncio.to_thread(leave)
    await server.left.wait()


async def test_breaking_out_of_the_loop_is_enough(server: Server) -> None:
    client = Colonnade(server.url)

    def leave() -> None:
        for chunk in client.stream("p"):
            assert chunk.text == "a"
            break

    await asyncio.to_thread(leave)
    await server.left.wait()
    client.close()


async def test_breaking_out_of_the_async_loop_is_enough(server: Server) -> None:
    async with AsyncColonnade(server.url) as client:
        async for chunk in client.stream("p"):
            assert chunk.text == "a"
            break
        await server.left.wait()


async def test_cancelling_the_task_cancels_the_generation(server: Server) -> None:
    begun = asyncio.Event()

    async def read(client: AsyncColonnade) -> None:
        async for _ in client.stream("p"):
            begun.set()

    async with AsyncColonnade(server.url) as client:
        task = asyncio.create_task(read(client))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.left.wait()


async def test_cancelling_a_whole_generation_leaves_too(server: Server) -> None:
    async with AsyncColonnade(server.url) as client:
        task = asyncio.create_task(client.generate("p"))
        await server.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await server.left.wait()


async def test_chunks_come_before_the_end(server: Server) -> None:
    async with AsyncColonnade(server.url) as client, client.stream("p") as stream:
        chunks = aiter(stream)
        assert [(await anext(chunks)).text, (await anext(chunks)).text] == ["a", "b"]
        server.end.set()
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)
        assert stream.result.text == "ab"


async def test_a_connection_cut_is_unavailable(server: Server) -> None:
    server.cut = True
    server.end.set()
    async with AsyncColonnade(server.url) as client:
        with pytest.raises(Unavailable, match="connection broke"):
            await client.stream("p").wait()


async def test_a_stream_that_falls_silent_is_given_up(server: Server) -> None:
    async with AsyncColonnade(server.url, timeout=0.2) as client:
        with pytest.raises(DeadlineExceeded):
            await client.stream("p").wait()
    await server.left.wait()


async def test_nobody_listens_there(server: Server) -> None:
    async with AsyncColonnade("http://127.0.0.1:1", max_retries=0) as client:
        with pytest.raises(Unavailable, match="is the platform running"):
            await client.generate("p")
