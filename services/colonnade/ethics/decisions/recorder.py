"""Decisions on their way to the record: in batches, beside the streams, which wait for nothing."""

import asyncio
from collections.abc import Sequence

from colonnade.ethics import metrics
from colonnade.ethics.decisions.domain import Kept, Sample
from colonnade.ethics.decisions.ports import DecisionStore
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
MOST = 20_000
"""Decisions that wait for a database that is away; what comes then is only counted."""
_BATCH = 1000
_SECONDS = 0.25


class Recorder:
    def __init__(self, store: DecisionStore) -> None:
        self._store = store
        self._decisions: list[Kept] = []
        self._samples: list[Sample] = []
        self._writing = asyncio.Lock()

    def add(self, decisions: Sequence[Kept]) -> None:
        room = MOST - len(self._decisions)
        self._decisions += decisions[:room]
        if len(decisions) > room:
            metrics.UNKEPT.labels("full").inc(len(decisions) - room)

    def add_sample(self, sample: Sample) -> None:
        if len(self._samples) < _BATCH:
            self._samples.append(sample)

    async def flush(self) -> None:
        """Writes all that waits. Raises ``Unavailable`` where the database is away: it waits on then."""
        async with self._writing:
            while self._decisions or self._samples:
                decisions, samples = self._decisions[:_BATCH], self._samples[:_BATCH]
                await self._store.keep(decisions, samples)
                del self._decisions[: len(decisions)], self._samples[: len(samples)]

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS)
            try:
                await self.flush()
            except Exception as error:  # it is tried again
                metrics.FAILURES.labels("record").inc()
                _LOG.warning("decisions could not be kept", error=type(error).__name__)
