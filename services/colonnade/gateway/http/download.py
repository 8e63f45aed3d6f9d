"""A file as an answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from fastapi import Response
from starlette.types import Receive, Scope, Send

from colonnade.gateway.http.errors import ClientGone
from colonnade.gateway.http.streaming import while_connected


class Download(Response):
    """Sends a file as it is read; a refusal of the first chunk is an ordinary answer."""

    def __init__(
        self,
        filename: str,
        size_bytes: int,
        chunks: AsyncGenerator[bytes, None],
        *,
        start: int = 0,
        etag: str = "",
    ) -> None:
        """``chunks`` begin at ``start``, of ``size_bytes`` in all."""
        super().__init__()
        self._start, self._etag = start, etag
        self._filename, self._size_bytes, self._chunks = filename, size_bytes, chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._sent(send))
        except ClientGone:
            return  # nobody is there to be told

    async def _sent(self, send: Send) -> None:
        async with aclosing(self._chunks) as chunks:
            first = await anext(chunks, b"")
            await send(
                {
                    "type": "http.response.start",
                    "status": 206 if self._start else 200,
                    "headers": self._head(),
                }
            )
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _head(self) -> list[tuple[bytes, bytes]]:
        named = f"attachment; filename*=UTF-8''{quote(self._filename, safe='')}"
        whole, start = self._size_bytes, self._start
        head = {
            "content-type": "application/octet-stream",
            "content-length": str(whole - start),
            "content-disposition": named,
        }
        if self._etag:
            head |= {"etag": f'"{self._etag}"', "accept-ranges": "bytes"}
        if start:
            head["content-range"] = f"bytes {start}-{whole - 1}/{whole}"
        return [(name.encode(), value.encode()) for name, value in head.items()]
