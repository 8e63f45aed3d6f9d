"""The load: clients on kept connections, each asking again as soon as it was answered.

Raw sockets, so that the load takes as little as it can of the cores that it shares with what it measures.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

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


def request(door: Door, model: str, tokens: int, *, stream: bool) -> bytes:
    """A whole HTTP request."""
    asked = {
        "model": model, "messages": [{"role": "user", "content": "Say something."}], "max_tokens": tokens,
        "temperature": 0, "stream": stream,
    }  # fmt: skip
    body = json.dumps(asked).encode()
    lines = [f"POST {door.path} HTTP/1.1", f"Host: 127.0.0.1:{door.port}", "Content-Type: application/json"]
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


async def _answer(reader: asyncio.StreamReader) -> float:
    """Reads one answer; when the first byte of its body came."""
    head = (await reader.readuntil(_HEADERS_END)).lower()
    if not head.startswith(b"http/1.1 200"):
        said = await reader.read(2000)
        raise RuntimeError(f"{head.splitlines()[0].decode()}: {said[:300].decode(errors='replace')}")
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            first = await reader.readexactly(1)
            came = time.perf_counter()
            await reader.readexactly(int(line.split(b":")[1]) - len(first))
            return came
    return await _chunked(reader)


async def _chunked(reader: asyncio.StreamReader) -> float:
    came = 0.0
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        came = came or time.perf_counter()
        await reader.readexactly(size + 2)
        if size == 0:
            return came
