"""One pass over all blobs; see the package for why it takes none that something names."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from colonnade.registry.ports import AuditTrail
from colonnade.registry.service import actor, utc_now
from colonnade.registry.upkeep.leases import Leases
from colonnade.registry.upkeep.ports import BATCH_SECONDS, LeaseLost, UpkeepBook
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.storage.blobs import BlobStore

_LOOKED_AT_ONCE = 500
_REMOVED_AT_ONCE = 50
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Collected:
    """How far a pass is; with ``dry_run`` what it would have removed."""

    looked_at: int = 0
    removed: int = 0
    removed_bytes: int = 0
    waiting: int = 0
    done: bool = False


class Collector:
    def __init__(
        self,
        book: UpkeepBook,
        blobs: BlobStore,
        leases: Leases,
        trail: AuditTrail,
        *,
        grace: timedelta,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._blobs = blobs
        self._leases = leases
        self._trail = trail
        self._grace = grace
        self._clock = clock
        self._monotonic = monotonic

    async def run(self, principal: Principal, *, dry_run: bool = False) -> AsyncGenerator[Collected]:
        """Progress; the last one is ``done``. Closing the iterator stops it between two blobs."""
        if dry_run:
            async with aclosing(self._peeked()) as steps:
                async for step in steps:
                    yield step
            return
        async with (
            privileged(self._trail, "registry.garbage.collect", principal, acknowledge=True) as learnt,
            self._leases.held() as holder,
            aclosing(self._collected(holder, actor(principal))) as steps,
        ):
            async for step in steps:
                learnt.update(removed=step.removed, removed_bytes=step.removed_bytes)
                yield step

    async def _peeked(self) -> AsyncGenerator[Collected]:
        so_far = Collected()
        now = self._clock()
        async for batch in self._batches():
            looked = await self._book.peek(batch, now, now - self._grace)
            for digest in looked.ripe:
                size = await self._blobs.size(digest) or 0
                so_far = replace(
                    so_far, removed=so_far.removed + 1, removed_bytes=so_far.removed_bytes + size
                )
            so_far = _further(so_far, batch, looked.waiting)
            yield so_far
        yield replace(so_far, done=True)

    async def _collected(self, holder: str, by: str) -> AsyncGenerator[Collected]:
        so_far = Collected()
        now = self._clock()
        await self._book.begun(now)
        await self._book.drop_contents()
        async for batch in self._batches():
            looked = await self._book.look(batch, now, now - self._grace)
            so_far = _further(so_far, batch, looked.waiting)
            yield so_far
            for start in range(0, len(looked.ripe), _REMOVED_AT_ONCE):
                ripe = looked.ripe[start : start + _REMOVED_AT_ONCE]
                number, size = await _to_the_end(self._remove(holder, ripe, now - self._grace))
                so_far = replace(
                    so_far, removed=so_far.removed + number, removed_bytes=so_far.removed_bytes + size
                )
                yield so_far
        if so_far.removed:
            facts = {"removed": so_far.removed, "removed_bytes": so_far.removed_bytes}
            await self._book.tell("garbage.collected", by, self._clock(), **facts)
        yield replace(so_far, done=True)

    async def _remove(self, holder: str, ripe: Sequence[str], cutoff: datetime) -> tuple[int, int]:
        """How many blobs, and bytes. One whose deletion fails stays condemned: it may happen later."""
        begun = self._monotonic()
        condemned = deque(await self._book.condemn(holder, ripe, self._clock(), cutoff))
        removed: list[str] = []
        total = 0
        try:
            while condemned:
                size = await self._blobs.size(condemned[0])
                if self._monotonic() - begun > BATCH_SECONDS:
                    raise LeaseLost("the blob store is too slow to delete from; try again")
                digest = condemned.popleft()
                await self._blobs.delete(digest)
                removed.append(digest)
                total += size or 0
        finally:
            await self._book.removed(holder, removed, condemned)
        return len(removed), total

    async def _batches(self) -> AsyncGenerator[list[str]]:
        batch: list[str] = []
        async with aclosing(self._blobs.digests()) as digests:
            async for digest in digests:
                batch.append(digest)
                if len(batch) == _LOOKED_AT_ONCE:
                    yield batch
                    batch = []
        if batch:
            yield batch


async def _to_the_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Who is stopped waits: nobody may claim a blob before its deletion is over."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def _further(so_far: Collected, batch: Sequence[str], waiting: int) -> Collected:
    return replace(so_far, looked_at=so_far.looked_at + len(batch), waiting=so_far.waiting + waiting)
