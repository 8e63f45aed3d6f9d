"""What people and programs ask of events."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from colonnade.errors import InvalidArgument, Overloaded
from colonnade.registry import metrics
from colonnade.registry.events.ports import Event, EventStore, Wanted
from colonnade.registry.events.tail import Tail

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
BEAT_SECONDS = 15.0
MAX_WATCHERS = 64


@dataclass(frozen=True, slots=True)
class Told:
    """One event; none in what only says that all up to ``last`` was looked at."""

    event: Event | None
    last: int


def place(after: int | None, last: int, *, otherwise: int, first: int = 0) -> int:
    """The number that ``after`` means where the newest is ``last``: a negative one counts back from there.

    0 is all that is kept; any other from before ``first``, the oldest, would miss something unnoticed."""
    if after is None:
        return otherwise
    if after > last:
        raise InvalidArgument(
            f"after is {after}, but the newest event has number {last}; begin again from there, or from 0",
            field="after",
            limit=last,
        )
    if 0 < after < first - 1:
        raise InvalidArgument(
            f"after is {after}, but events before number {first} are not kept any more "
            "(COLONNADE_REGISTRY_EVENT_DAYS); begin again from 0, which is all that is kept",
            field="after",
            limit=first,
        )
    return after if after >= 0 else max(0, last + after)


class Events:
    """A watcher holds one page in memory, however slowly it reads."""

    def __init__(
        self,
        store: EventStore,
        tail: Tail,
        *,
        max_watchers: int = MAX_WATCHERS,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._store = store
        self._tail = tail
        self._max_watchers = max_watchers
        self._beat = beat_seconds
        self._watchers = 0

    async def page(self, wanted: Wanted, after: int | None, limit: int) -> AsyncGenerator[Told]:
        """Those after a number, oldest first, and in the end the number up to which all was looked at."""
        if not 0 <= limit <= MAX_PAGE_SIZE:
            raise InvalidArgument(f"limit must be 0 to {MAX_PAGE_SIZE}", field="limit", limit=MAX_PAGE_SIZE)
        first, last = await self._store.span()
        begin = place(after, last, otherwise=0, first=first)
        page = await self._store.page(wanted, begin, limit or PAGE_SIZE)
        for event in page.events:
            yield Told(event, page.last)
        yield Told(None, page.seen)

    async def follow(self, wanted: Wanted, after: int | None) -> AsyncGenerator[Told]:
        """Those after a number, and what happens from then on. Now and then a message without an event."""
        if self._watchers >= self._max_watchers:
            raise Overloaded(
                f"{self._max_watchers} watch events already, as many as may; try again later",
                limit=self._max_watchers,
                retry_after_seconds=30,
            )
        self._watchers += 1
        try:
            with metrics.WATCHERS.track_inprogress():
                first, last = await self._store.span()
                seen = place(after, last, otherwise=last, first=first)
                yield Told(None, seen)
                while not self._tail.closed:
                    page = await self._store.page(wanted, seen, PAGE_SIZE)
                    for event in page.events:
                        yield Told(event, page.last)
                    seen = page.seen
                    while not (page.full or self._tail.closed or await self._tail.beyond(seen, self._beat)):
                        yield Told(None, seen)
        finally:
            self._watchers -= 1
