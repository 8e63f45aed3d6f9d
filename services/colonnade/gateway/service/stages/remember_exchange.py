"""What was asked and answered becomes part of its session."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.domain.memory import MemoryUse
from colonnade.gateway.ports import MemoryBook
from colonnade.gateway.service.pipeline import Stage

_FINISHED = frozenset({"stop", "length"})


class RememberExchange(Stage):
    """Stands above whoever screens the answer, so that it keeps what was shown.

    All text goes on as it comes. Only how the answer ended waits, for so many seconds at most, for memory:
    it says whether the exchange is remembered. An answer that was refused, cut off or left is not."""

    def __init__(self, book: MemoryBook, seconds: float) -> None:
        self._book, self._seconds = book, seconds

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        wanted = exchange.asked.memory
        if wanted is None or not wanted.remember or exchange.memory is None:
            return chunks
        return self._kept(exchange, wanted.session, exchange.memory, chunks)

    async def _kept(
        self, exchange: Exchange, session: str, use: MemoryUse, chunks: AsyncIterator[Chunk]
    ) -> AsyncGenerator[Chunk, None]:
        said = []
        async for chunk in chunks:
            said.append(chunk.text)
            if chunk.finish is None:
                yield chunk
                continue
            if not exchange.whole:
                yield replace(chunk, finish=None)
            why_not = f"the answer ended early: {chunk.finish.reason}"
            if chunk.finish.reason in _FINISHED:
                why_not = await self._remember(exchange, session, use.asked, "".join(said))
            exchange.memory = replace(use, remembered=not why_not, why_not=why_not)
            yield chunk if exchange.whole else Chunk("", finish=chunk.finish, index=chunk.index)

    async def _remember(self, exchange: Exchange, session: str, asked: str, answered: str) -> str:
        """Both turns; why not, where they are not kept."""
        if not answered.strip():
            return "the answer is empty"
        try:
            async with asyncio.timeout(self._seconds):
                await self._book.remember_exchange(
                    exchange.caller, session, asked, answered, exchange.lease, self._seconds
                )
        except ColonnadeError as error:
            return error.message
        except TimeoutError:
            return f"the memory service did not answer within {self._seconds:g} seconds"
        return ""
