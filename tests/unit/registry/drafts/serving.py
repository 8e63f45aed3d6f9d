"""A server on the loopback that has a few files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Served:
    port = 0

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        content = self.files.get(head.split(b" ")[1].decode().partition("?")[0])
        status = "404 Not Found" if content is None else "200 OK"
        length = len(content or b"")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + (content or b""))
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    served = Served()
    server = await asyncio.start_server(served.answer, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served
