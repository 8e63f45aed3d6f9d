"""Reads chunks ahead, so that all that came while somebody was away is taken at once."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from colonnade.gateway.domain.generation import Chunk

_MOST = 64
"""Chunks that wait; more are left to the stream's own flow control."""


class Ahead:
    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[float, Chunk] | Exception | None] = asyncio.Queue(_MOST)

    async def some(self) -> list[tuple[float, Chunk]]:
        """All that waits, at least one, each with when it came; none at the end.

        Raises what the source raised, after what came before it."""
        batch: list[tuple[float, Chunk]] = []
        while not batch or not self._waiting.empty():
            found = await self._waiting.get()
            if isinstance(found, tuple):
                batch.append(found)
                continue
            if batch:
                self._waiting.put_nowait(found)  # nothing else follows
                return batch
            if found is not None:
                raise found
            return []
        return batch

    async def fill(self, chunks: AsyncIterator[Chunk]) -> None:
        end: Exception | None = None
        try:
            async for chunk in chunks:
                await self._waiting.put((time.monotonic(), chunk))
        except Exception as error:
            end = error
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        await self._waiting.put(end)


@asynccontextmanager
async def reading_ahead(chunks: AsyncIterator[Chunk]) -> AsyncIterator[Ahead]:
    """Whoever leaves closes ``chunks``."""
    ahead = Ahead()
    filling = asyncio.create_task(ahead.fill(chunks))
    try:
        yield ahead
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
