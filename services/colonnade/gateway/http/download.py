"""A file as an answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from starlette.types import Send

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.in_pieces import InPieces
from colonnade.gateway.http.ranges import Part


class Download(InPieces):
    """Sends a file as it is read."""

    def __init__(
        self,
        exchange: Exchange,
        filename: str,
        part: Part,
        chunks: AsyncGenerator[bytes, None],
        *,
        etag: str = "",
    ) -> None:
        """``chunks`` begin where the part does, and may go on after its end."""
        super().__init__(exchange)
        self._filename, self._part = filename, part
        self._chunks, self._etag = chunks, etag

    async def _sent(self, send: Send) -> None:
        left = self._part.length
        async with aclosing(self._chunks) as chunks:
            chunk = await anext(chunks, None)
            self._begun = True
            status = 206 if self._part.asked else 200
            await send({"type": "http.response.start", "status": status, "headers": self._head()})
            while chunk is not None and left > 0:
                await send({"type": "http.response.body", "body": chunk[:left], "more_body": True})
                left -= len(chunk)
                chunk = await anext(chunks, None) if left > 0 else None
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _head(self) -> list[tuple[bytes, bytes]]:
        part = self._part
        head = {
            "content-type": "application/octet-stream",
            "content-length": str(part.length),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(self._filename, safe='')}",
        }
        if self._etag:
            head |= {"etag": self._etag, "accept-ranges": "bytes"}
        if part.asked:
            head["content-range"] = f"bytes {part.start}-{part.end - 1}/{part.size}"
        return [(name.encode(), value.encode()) for name, value in head.items()]
