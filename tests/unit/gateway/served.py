"""The real server on a loopback port, spoken to byte by byte."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from colonnade.gateway.http.server import serve
from tests.unit.gateway.fakes import House

SECONDS = 10.0


@dataclass
class Running:
    house: House
    port: int
    stop: asyncio.Event
    task: "asyncio.Task[None]"

    async def open(self) -> "Wire":
        return Wire(*await asyncio.open_connection("127.0.0.1", self.port))

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        async with contextlib.aclosing(await self.open()) as wire:
            wire.send(request)
            return await wire.answer()

    async def works(self) -> None:
        status, _, body = await self.ask(generate(b'{"prompt": "x"}'))
        assert status == 200, body


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def until(self, mark: bytes) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(mark), SECONDS)

    async def rest(self) -> bytes:
        """Until the server closes."""
        return await asyncio.wait_for(self.reader.read(), SECONDS)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.until(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers["content-length"])
        body = await asyncio.wait_for(self.reader.readexactly(size), SECONDS)
        return int(first.split(" ")[1]), headers, body

    async def aclose(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def generate(body: bytes, extra: bytes = b"") -> bytes:
    head = b"POST /generate HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return head + b"content-length: " + str(len(body)).encode() + b"\r\n" + extra + b"\r\n" + body


GET = b"GET /version HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
STREAM = generate(b'{"prompt": "x", "stream": true}')
WHOLE = generate(b'{"prompt": "x"}')


@asynccontextmanager
async def running(drain_seconds: float = 5, **options: Any) -> AsyncIterator[Running]:
    house, stop = House(**options), asyncio.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    task = asyncio.create_task(serve(house.app, listener, house.options, stop.wait(), drain_seconds))
    try:
        yield Running(house, port, stop, task)
    finally:
        if house.generator.gate is not None:
            house.generator.gate.set()
        stop.set()
        await asyncio.wait_for(task, SECONDS)
