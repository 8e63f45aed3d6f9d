"""The load: clients on kept connections, each asking again as soon as it was answered.

Raw sockets, so that the load takes as little as it can of the cores that it shares with what it measures.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

_HEADERS_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a gateway listens and how it is asked."""

    port: int
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds, of every request: until the first byte of the body and until the end."""

    first: list[float]
    whole: list[float]


def request(
    door: Door,
    model: str,
    tokens: int,
    *,
    stream: bool,
    say: str = "Say something.",
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """A whole HTTP request, with ``more`` fields in its body."""
    asked = {
        "model": model, "messages": [{"role": "user", "content": say}], "max_tokens": tokens,
        "temperature": 0, "stream": stream, **(more or {}),
    }  # fmt: skip
    body = json.dumps(asked).encode()
    lines = [f"POST {door.path} HTTP/1.1", f"Host: 127.0.0.1:{door.port}", "Content-Type: application/json"]
    lines += ["Cache-Control: no-store"]  # what is measured is an answer, not its copy
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in door.headers.items())]
    return "\r\n".join(lines).encode() + _HEADERS_END + body


async def closed_loop(door: Door, asked: bytes, *, clients: int, requests: int) -> Waited:
    """``requests`` in all, by so many clients at once. Raises ``RuntimeError`` on any answer but 200."""
    waited, left = Waited([], []), iter(range(requests))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        try:
            for _ in left:
                began = time.perf_counter()
                writer.write(asked)
                first = await _answer(reader)
                waited.first.append(first - began)
                waited.whole.append(time.perf_counter() - began)
        finally:
            writer.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(client())
    return waited


async def leavers(door: Door, model: str, *, clients: int, count: int) -> dict[int, float]:
    """``count`` streams whose clients go away once an answer has begun: when each left, by its number."""
    left: dict[int, float] = {}
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            asked = request(door, model, 10_000, stream=True, say=f"Tell me number {number}.")
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(asked)
            head = await reader.readuntil(_HEADERS_END)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"stream {number}: {head[:80]!r}")
            await reader.readuntil(b"\n\n")
            left[number] = time.monotonic()
            writer.transport.abort()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(client())
    return left


@dataclass(slots=True)
class Flood:
    """What became of requests that came at random, however many were under way."""

    seconds: float
    answered: int = 0
    """With 200, within the time."""
    refused: list[float] = field(default_factory=list)
    """Seconds until each of those was refused with 429."""
    other: int = 0


async def flood(door: Door, asked: bytes, *, rate: float, seconds: float, seed: int) -> Flood:
    """An open loop: Poisson arrivals at ``rate`` a second, each on a connection that is free."""
    became, idle, random = Flood(seconds), _Connections(door.port), Random(seed)
    began = due = time.perf_counter()

    async def ask() -> None:
        sent = time.perf_counter()
        async with idle.one() as (reader, writer):
            writer.write(asked)
            status, _ = await _reply(reader)
        ended = time.perf_counter()
        if status == 429:
            became.refused.append(ended - sent)
        elif status != 200:
            became.other += 1
        elif ended - began <= seconds:
            became.answered += 1

    async with asyncio.TaskGroup() as tasks:
        while due - began < seconds:
            due += random.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(ask())
    idle.close()
    return became


class _Connections:
    """Kept connections; a new one where none is free."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        pair = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        yield pair
        self._free.append(pair)

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> float:
    """Reads one answer; when the first byte of its body came."""
    status, came = await _reply(reader)
    if status != 200:
        raise RuntimeError(f"answered with status {status}")
    return came


async def _reply(reader: asyncio.StreamReader) -> tuple[int, float]:
    """Reads one answer: its status, and when the first byte of its body came."""
    head = (await reader.readuntil(_HEADERS_END)).lower()
    status = int(head.split(b" ", 2)[1])
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            first = await reader.readexactly(1)
            came = time.perf_counter()
            await reader.readexactly(int(line.split(b":")[1]) - len(first))
            return status, came
    return status, await _chunked(reader)


async def _chunked(reader: asyncio.StreamReader) -> float:
    came = 0.0
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        came = came or time.perf_counter()
        await reader.readexactly(size + 2)
        if size == 0:
            return came
