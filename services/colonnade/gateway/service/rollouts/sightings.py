"""What became of the requests that a rollout's versions were drawn for, until the registry knows it."""

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from colonnade.gateway.domain.models import Watched
from colonnade.gateway.domain.rollouts import Outcome, Seen
from colonnade.gateway.ports import OutcomeReports

MOST_PHASES = 256
"""Kept at once: a phase that nobody has asked about for longest is given up for a new one."""


class Sightings:
    """Sums by rollout and phase, of this process. They only grow: a report may get lost, or come twice."""

    def __init__(self, reports: OutcomeReports) -> None:
        self._reports = reports
        self._instance = uuid.uuid4().hex
        self._seen: OrderedDict[tuple[str, str], Seen] = OrderedDict()
        self._news: set[tuple[str, str]] = set()
        """What the registry was not told yet."""

    def add(self, watched: Watched, outcome: Outcome, *, candidate: bool) -> None:
        key = (watched.rollout, watched.phase)
        seen = self._seen.get(key) or Seen(*key)
        if candidate:
            seen = replace(seen, candidate=seen.candidate.with_one(outcome))
        else:
            seen = replace(seen, stable=seen.stable.with_one(outcome))
        self._seen[key] = seen
        self._seen.move_to_end(key)
        self._news.add(key)
        if len(self._seen) > MOST_PHASES:
            gone, _ = self._seen.popitem(last=False)
            self._news.discard(gone)

    @property
    def news(self) -> Sequence[Seen]:
        return [self._seen[key] for key in sorted(self._news)]

    async def report(self) -> None:
        """Tells the registry what is new. What it could not be told, it is told the next time."""
        told = {key: self._seen[key] for key in self._news}
        if not told:
            return
        await self._reports.report(self._instance, [told[key] for key in sorted(told)])
        self._news = {key for key in self._news if self._seen[key] is not told.get(key)}
