"""The use cases: decisions listed, counted, kept for so long, and erased."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from colonnade.errors import InvalidArgument
from colonnade.ethics import metrics
from colonnade.ethics.decisions.domain import By, Held, Kept, Wanted
from colonnade.ethics.decisions.ports import DecisionStore
from colonnade.ethics.decisions.recorder import Recorder
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_PAGE, _MOST_PAGE = 50, 1000
_TIDY_SECONDS = 600.0


class Decisions:
    def __init__(
        self,
        store: DecisionStore,
        recorder: Recorder,
        *,
        days: float,
        most_samples: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._recorder, self._clock = store, recorder, clock
        self._days, self._most_samples = days, most_samples

    async def page(self, tenant: str, wanted: Wanted, *, limit: int, page: str) -> tuple[Sequence[Kept], str]:
        """Newest first, and the token of the next page, if there is one."""
        if not 0 <= limit <= _MOST_PAGE:
            raise InvalidArgument(
                f"limit must be from 1 to {_MOST_PAGE}; 0 is {_PAGE}", field="limit", limit=_MOST_PAGE
            )
        size = limit or _PAGE
        found = await self._store.page(tenant, wanted, before=page, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def summary(self, tenant: str, wanted: Wanted, by: By) -> Mapping[str, int]:
        return await self._store.summary(tenant, wanted, by)

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        """Also what is on its way to the record, or comes of what is screened right now."""
        removed = await self._store.erase(tenant, subject, self._clock())
        await self._recorder.flush()  # what waited is dropped, or is somebody else's
        return removed

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[Held]:
        return await self._store.held(after, limit)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.tidy()
            except Exception as error:  # the next turn tries again
                metrics.FAILURES.labels("tidy").inc()
                _LOG.warning("old decisions could not be erased", error=type(error).__name__)
            await asyncio.sleep(_TIDY_SECONDS)

    async def tidy(self) -> int:
        now = self._clock()
        older = now - timedelta(days=self._days)
        return await self._store.tidy(now, older_than=older, most_samples=self._most_samples)
