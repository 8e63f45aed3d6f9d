"""Answers that need no engine: kept ones, those of the same question in other words, those under way."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from colonnade.inference.caches.figures import CacheMetrics
from colonnade.inference.caches.flight import Flight, Listener, NothingCame
from colonnade.inference.caches.semantic import Question, Semantic
from colonnade.inference.domain import Cached, Caching, Chunk, Kept, Kind, Place, Work
from colonnade.inference.ports import AnswerStore, Parcels, StoreFigures
from colonnade.inference.running import Generations, Running
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
Generate: TypeAlias = Callable[[Running], AsyncGenerator[Chunk]]
_LEAST_SHARE = 0.5
"""Of a request's time, that one it joins must have as well."""


@dataclass(frozen=True, slots=True)
class CacheFigures:
    store: StoreFigures
    hits: int
    semantic_hits: int
    joined: int
    misses: int
    questions: int


class Answers:
    """Close it."""

    def __init__(
        self,
        store: AnswerStore,
        parcels: Parcels,
        metrics: CacheMetrics,
        *,
        semantic: Semantic | None = None,
        entry_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Answers of more than ``entry_bytes`` are neither kept nor, once that large, joined."""
        self._store, self._parcels, self._metrics = store, parcels, metrics
        self._semantic, self._entry_bytes, self._clock = semantic, entry_bytes, clock
        self._flights: dict[Place, Flight] = {}
        self._landing: set[asyncio.Task[None]] = set()
        metrics.bytes.set_function(lambda: store.figures().size_bytes)
        metrics.entries.set_function(lambda: store.figures().answers)

    async def stream(
        self, work: Work, caching: Caching, generations: Generations, generate: Generate
    ) -> AsyncGenerator[Chunk]:
        """A kept answer, or one under way, or what ``generate`` generates."""
        flight, question = self._joinable(caching), None
        if flight is None and not caching.refresh:
            await self._landed(caching.place)
            found, question = await self._found(caching)
            if found is not None:
                for chunk in found:
                    yield chunk
                return
            flight = self._joinable(caching)  # it may have begun meanwhile
        if flight is not None:
            listener = flight.listen(age_seconds=max(0.0, self._clock() - flight.began))
        else:
            listener = self._led(Running(work), caching, generate, question)
        try:
            with generations.named(work, listener):
                async with aclosing(listener.chunks()) as chunks:
                    async for chunk in chunks:
                        yield chunk
            self._metrics.answered(listener.kind)
        except NothingCame:
            with generations.under_way(work) as running:
                async with aclosing(generate(running)) as chunks:
                    async for chunk in chunks:
                        yield chunk

    async def purge(self, digest: str, tenant: str) -> int:
        """Forgets answers, and those that are being generated now as well: they end, but are not kept."""
        for place, flight in self._flights.items():
            if digest in ("", place.digest) and tenant in ("", place.tenant):
                flight.forgotten = True
        if self._semantic:
            self._semantic.purge(digest, tenant)
        purged = await self._store.purge(digest, tenant)
        self._metrics.purged(purged)
        return purged

    def figures(self) -> CacheFigures:
        counts = self._metrics.counts
        return CacheFigures(
            self._store.figures(),
            hits=counts[Kind.HIT],
            semantic_hits=counts[Kind.SEMANTIC],
            joined=counts[Kind.JOINED],
            misses=counts[Kind.MISS],
            questions=self._semantic.questions if self._semantic else 0,
        )

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = list(self._landing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._store.close()

    async def settled(self) -> None:
        """Returns when nothing is under way."""
        while self._landing:
            await asyncio.wait(set(self._landing))

    def _joinable(self, caching: Caching) -> Flight | None:
        flight = self._flights.get(caching.place)
        if caching.refresh or flight is None or not flight.joinable:
            return None
        return flight if _suits(flight.caching, caching) else None

    async def _landed(self, place: Place) -> None:
        """What has come to its end is about to be kept: a look before that would miss it."""
        flight = self._flights.get(place)
        if flight is not None and flight.complete and not flight.forgotten:
            await flight.landed()

    async def _found(self, caching: Caching) -> tuple[list[Chunk] | None, Question | None]:
        """A kept answer; without one, the question as it is to be remembered."""
        found = await self._kept(caching.place, Cached(Kind.HIT, similarity=1.0))
        if found is not None or caching.near is None or self._semantic is None:
            return found, None
        question = await self._semantic.asked(caching.near)
        if question is None or question.nearest is None:
            return None, question
        near = Cached(Kind.SEMANTIC, similarity=question.similarity)
        assert (question.nearest.tenant, question.nearest.digest) == (
            caching.place.tenant,
            caching.place.digest,
        )
        found = await self._kept(question.nearest, near)
        if found is None:
            self._semantic.forget(question.nearest)
        return found, question

    async def _kept(self, place: Place, cached: Cached) -> list[Chunk] | None:
        kept = await self._store.get(place)
        if kept is None:
            return None
        try:
            first, *others = self._parcels.unpack(kept.body)
        except ValueError:
            _LOG.warning("a kept answer was not understood")
            return None
        self._metrics.answered(cached.kind)
        age = max(0.0, self._clock() - kept.at)
        return [replace(first, cached=replace(cached, age_seconds=age)), *others]

    def _led(
        self, running: Running, caching: Caching, generate: Generate, question: Question | None
    ) -> Listener:
        flight = Flight(caching, self._parcels, window=self._entry_bytes, began=self._clock())
        self._flights[caching.place] = flight
        listener = flight.listen()

        async def landed(flight: Flight) -> None:
            try:
                await self._keep(flight, question)
            except Exception:
                _LOG.exception("answer not kept")
            finally:
                if self._flights.get(caching.place) is flight:
                    del self._flights[caching.place]

        task = flight.start(generate(running), running.abort, landed)
        self._landing.add(task)
        task.add_done_callback(self._landing.discard)
        return listener

    async def _keep(self, flight: Flight, question: Question | None) -> None:
        if not flight.whole or flight.forgotten:
            return
        place = flight.caching.place
        await self._store.put(place, Kept(self._parcels.pack(flight.heard), self._clock()))
        self._metrics.kept()
        if flight.forgotten:  # while it was written
            await self._store.purge(place.digest, place.tenant)
        elif question is not None and self._semantic:
            self._semantic.remember(question, place)


def _suits(leader: Caching, other: Caching) -> bool:
    """Whether one may join another: it has its time, though not too little of it, and is as urgent."""
    if other.priority > leader.priority:
        return False
    if leader.deadline is None or other.deadline is None:
        return leader.deadline is None and other.deadline is None
    now = time.monotonic()
    return other.deadline >= leader.deadline and leader.deadline - now >= _LEAST_SHARE * (
        other.deadline - now
    )
