"""One generation that several requests listen to.

It begins for the first of them and goes on as long as anyone listens. Everyone hears all of it, from its
beginning. Whoever leaves answers for what had come for it until then; whoever stays, for the rest: so all of
what the engine did is paid for, and nothing twice.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from colonnade.errors import Unavailable
from colonnade.inference.caches.bill import Bill
from colonnade.inference.domain import Cached, Caching, Chunk, Kind
from colonnade.inference.ports import Parcels


class NothingCame(Exception):
    """What was joined ended before its first chunk, or as another version's answer: everybody asks alone."""


class Flight:
    """``start`` it, then ``listen``; the first listener is the one that it began for."""

    def __init__(self, caching: Caching, parcels: Parcels, *, window: int, began: float = 0.0) -> None:
        """At most about ``window`` bytes are held; an answer that is larger can be joined and kept no more,
        and goes at the pace of whoever asked first. Others who lag behind that far are cut off."""
        self.caching, self.began = caching, began
        self._parcels = parcels
        self._window = window
        self.heard: deque[Chunk] = deque()
        """All chunks from ``_base`` on: all that ever came, while ``entire``."""
        self._base = 0
        self._bytes = 0
        self.entire = True
        self.complete = False
        """Every answer has ended."""
        self.forgotten = False
        """What comes of it is not wanted any more: it is neither joined nor kept."""
        self.over = False
        self.error: Exception | None = None
        self.bill = Bill(caching.answers)
        self.listeners: list[Listener] = []
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._abort: Callable[[], Awaitable[None]] = _nothing

    def start(
        self,
        chunks: AsyncGenerator[Chunk],
        abort: Callable[[], Awaitable[None]],
        landed: Callable[["Flight"], Awaitable[None]],
    ) -> "asyncio.Task[None]":
        """``abort`` ends the generation, whose stream still says how; ``landed`` is awaited at the end."""
        self._abort = abort
        self._task = asyncio.create_task(self._fly(chunks, landed))
        return self._task

    def listen(self, *, age_seconds: float | None = None) -> "Listener":
        """``age_seconds``: of one who joins, since the generation began."""
        listener = Listener(self, age_seconds)
        self.listeners.append(listener)
        return listener

    @property
    def joinable(self) -> bool:
        """Whether one who comes now hears all of it."""
        coming = bool(self.listeners) and not (self.over or self.complete)
        return self.entire and not self.forgotten and coming

    async def landed(self) -> None:
        """Returns once it is over, and kept if it is to be."""
        if self._task:
            await asyncio.wait({self._task})

    @property
    def whole(self) -> bool:
        """Whether all of it came, and every answer to its own end, of the version that was asked."""
        if not (self.complete and self.entire and self.over and self.error is None):
            return False
        ends = [chunk for chunk in self.heard if chunk.last]
        return all(chunk.parcel is not None and self._parcels.whole(chunk.parcel) for chunk in ends) and not (
            self.heard[0].fallback
        )

    def at(self, position: int) -> Chunk | None:
        """None where it has not come yet."""
        index = position - self._base
        return self.heard[index] if index < len(self.heard) else None

    def read(self) -> None:
        """Somebody has gone on."""
        if not self.entire:
            self._moved.set()

    def left(self, listener: "Listener") -> None:
        """Nobody listens: it is not wanted any more."""
        if listener in self.listeners:
            self.listeners.remove(listener)
        self._moved.set()
        if not self.listeners and self._task and not (self.over or self.complete):
            self._task.cancel()

    async def abort(self) -> None:
        self.forgotten = True
        await self._abort()

    async def _fly(
        self, chunks: AsyncGenerator[Chunk], landed: Callable[["Flight"], Awaitable[None]]
    ) -> None:
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    self._heard(chunk)
                    if not self.entire:
                        await self._room()
        except Exception as error:
            self.error = error
        finally:
            self.over = True
            self._wake()
            await landed(self)

    def _heard(self, chunk: Chunk) -> None:
        self.heard.append(chunk)
        if chunk.last:
            self.bill.ended(chunk, self._parcels)
            self.complete = self.bill.complete
        if chunk.parcel is not None:
            self._bytes += self._parcels.size(chunk.parcel)
        self.entire = self.entire and self._bytes <= self._window
        self._wake()

    def _wake(self) -> None:
        for listener in self.listeners:
            listener.news.set()

    async def _room(self) -> None:
        """Returns when no more is held than may be."""
        while self.listeners:
            self._drop(min(listener.position for listener in self.listeners))
            if self._bytes <= self._window:
                return
            slow = [each for each in self.listeners[1:] if each.position == self._base]
            if slow and self.listeners[0].position > self._base:
                for listener in slow:
                    listener.cut_off()
                    self.left(listener)
                continue
            self._moved.clear()
            await self._moved.wait()

    def _drop(self, until: int) -> None:
        while self._base < until:
            parcel = self.heard.popleft().parcel
            self._base += 1
            self._bytes -= 0 if parcel is None else self._parcels.size(parcel)


class Listener:
    """One request's ear. Its ``abort`` ends it for this request alone, if there are others."""

    def __init__(self, flight: Flight, age_seconds: float | None) -> None:
        self._flight = flight
        self._joined = age_seconds is not None
        self.kind = Kind.JOINED if self._joined else Kind.MISS
        self._first = Cached(self.kind, age_seconds or 0.0, 1.0 if self._joined else 0.0)
        self.position = 0
        self.news = asyncio.Event()
        self.taken = Bill(flight.caching.answers)
        """What has come for this request."""
        self._cut = self._aborted = False
        self._farewell: list[Chunk] | None = None
        """What it hears last, once it has left before the others."""

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Raises what the generation raised; ``NothingCame`` to one who joined where nothing had come yet."""
        flight = self._flight
        try:
            while self._farewell is None:
                chunk = flight.at(self.position) if not self._cut else None
                if chunk is None:
                    if self._ended():
                        return
                    self.news.clear()
                    await self.news.wait()
                    continue
                self._check_own(chunk)
                self.position += 1
                flight.read()
                yield self._marked(chunk)
            for chunk in self._farewell:
                yield chunk
        finally:
            self._leave()

    async def abort(self) -> None:
        """What still comes of it is read where nobody else listens, or all has come already."""
        flight = self._flight
        if flight.complete or flight.over:
            return
        if flight.listeners == [self]:
            self._aborted = True
            await flight.abort()
        elif self in flight.listeners:
            self._farewell = self._said_at_leaving()
            self._leave()
            self.news.set()

    def cut_off(self) -> None:
        self._cut = True
        self.news.set()

    @property
    def _pays(self) -> bool:
        return self._flight.listeners[:1] == [self]

    def _ended(self) -> bool:
        """Whether nothing more will come."""
        if self._cut:
            raise Unavailable(
                "the answer was shared with another request, and read too slowly to keep up; ask again",
                retry_after_seconds=1,
            )
        if not self._flight.over:
            return False
        if self._joined and not self.position and not self._aborted:
            raise NothingCame
        if self._flight.error is not None:
            raise self._flight.error
        return True

    def _check_own(self, chunk: Chunk) -> None:
        """An answer of a version that stands in is for whoever named it; one that was aborted, for nobody."""
        foreign = chunk.fallback or chunk.parcel is None
        if self._joined and not self.position and foreign and not self._aborted:
            raise NothingCame

    def _marked(self, chunk: Chunk) -> Chunk:
        first = self.position == 1
        self.taken.heard(chunk, self._flight._parcels)
        if self.taken.complete and self._joined and self._pays:
            generated = self._flight.bill.owed
            self._flight.bill.paid += generated
            if generated:
                return replace(chunk, cached=replace(self._first, generated=generated))
        return replace(chunk, cached=self._first) if first else chunk

    def _said_at_leaving(self) -> list[Chunk]:
        """How each answer ended for this request, which left before the others."""
        generated = None
        if self._joined and self._pays:
            generated = self.taken.spent.beyond(self._flight.bill.paid)
            self._flight.bill.paid += generated
        ends = [Chunk(None, last=True, index=index, left=spent) for index, spent in self.taken.open()]
        if not self.position:
            ends[0] = replace(ends[0], cached=self._first)
        if generated:
            ends[-1] = replace(ends[-1], cached=replace(self._first, generated=generated))
        return ends

    def _leave(self) -> None:
        """Whoever it began for is told of tokens as they come, and so has to answer for those."""
        if self not in self._flight.listeners:
            return
        if not self._joined:
            bill = self._flight.bill
            bill.paid += self.taken.spent.beyond(bill.paid)
        self._flight.left(self)


async def _nothing() -> None:
    """Nothing runs that could be aborted."""
