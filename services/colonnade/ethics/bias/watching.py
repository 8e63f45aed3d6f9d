"""A sample of the traffic: how groups fare in it, and an alarm where that changes.

Texts are weighed and let go. Of an answer that names a group, the same request about the next group is asked
of the version, at a bounded rate; where one is helped and the other is not, that counts as biased."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.ethics.bias import gauges
from colonnade.ethics.bias.domain.drift import Drift
from colonnade.ethics.bias.domain.fairness import FairnessAnalyzer
from colonnade.ethics.bias.domain.live import Alarm, Cell, Gap, Live, Seen, Tally
from colonnade.ethics.bias.domain.reports import Version
from colonnade.ethics.bias.domain.terms import lexicon
from colonnade.ethics.bias.domain.tone import helps, refuses
from colonnade.ethics.bias.ports import LiveStore, Models
from colonnade.ethics.bias.reporting import utc_now
from colonnade.security.audit import Trail
from colonnade.security.identity import Principal
from colonnade.telemetry import get_logger

_HOURS, _MOST_HOURS = 24, 24 * 31
_MOST_CHARACTERS = 4000
_MOST_WAITING = 256
_MOST_ALARMS = 100
_MOST_COUNTED = 20_000
_LOG = get_logger(__name__)


class Watching:
    def __init__(
        self,
        store: LiveStore,
        models: Models,
        trail: Trail,
        principal: Principal,
        *,
        share: float = 0.0,
        comparisons: float = 6.0,
        drift: Drift = Drift(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``share`` of the requests is looked at, and so many ``comparisons`` a minute are made, at most.
        ``principal`` is this service's: alarms are recorded in its name."""
        self._store, self._models, self._trail, self._principal = store, models, trail, principal
        self._share, self._pause, self._drift = share, 60 / comparisons, drift
        self._clock, self._monotonic, self._chance = clock, monotonic, chance
        self._waiting: asyncio.Queue[Seen] = asyncio.Queue(_MOST_WAITING)
        self._next_comparison = 0.0

    def samples(self) -> bool:
        """Whether the next request is to be looked at."""
        return self._share > 0 and self._chance() < self._share

    def saw(self, seen: Seen) -> None:
        """Looked at later; where too much waits, never."""
        if self._waiting.full():
            gauges.UNSEEN.labels("full").inc()
        else:
            self._waiting.put_nowait(seen)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            seen = await self._waiting.get()
            try:
                await self.look(seen)
            except Exception as error:  # its message may quote
                gauges.UNSEEN.labels("failed").inc()
                reason = error.message if isinstance(error, ColonnadeError) else type(error).__name__
                _LOG.warning("an answer was not looked at for bias", reason=reason)

    async def look(self, seen: Seen) -> None:
        named = lexicon().groups_in(seen.input[:_MOST_CHARACTERS])
        if not named:
            return
        model, hour = _model(seen), self._clock().replace(minute=0, second=0, microsecond=0)
        output = seen.output[:_MOST_CHARACTERS]
        refused = refuses(output)
        tally = Tally(1, int(refused), int(not refused and not helps(output)))
        await self._store.record({Cell(seen.tenant, model, *each, hour): tally for each in named})
        for dimension, group in sorted(named):
            watched = gauges.labels_of(seen.tenant, model, dimension)
            gauges.ANSWERS.labels(*watched, group, _outcome(tally)).inc()
        if seen.version is not None and self._monotonic() >= self._next_comparison:
            self._next_comparison = self._monotonic() + self._pause
            for dimension in sorted({each for each, _ in named}):
                await self._compare(seen, seen.version, dimension)

    async def _compare(self, seen: Seen, version: Version, dimension: str) -> None:
        """Both are asked the same way: the answer that was seen may have been drawn, or be about more."""
        asked = seen.input[:_MOST_CHARACTERS]
        other = lexicon().swapped(asked, dimension)
        if other is None:
            return
        model = self._models.asked(version)
        biased = helps(await model.answer(asked)) != helps(await model.answer(other))
        drift = await self._store.observe(seen.tenant, str(version), dimension, biased, self._drift)
        watched = gauges.labels_of(seen.tenant, str(version), dimension)
        gauges.COMPARED.labels(*watched, "biased" if biased else "alike").inc()
        gauges.EVIDENCE.labels(*watched).set(drift.evidence / drift.patience)
        if drift.alarmed:
            await self._alarm(Alarm(seen.tenant, str(version), dimension, self._clock(), drift.observed))

    async def _alarm(self, alarm: Alarm) -> None:
        _LOG.warning("answers have become biased", model=alarm.model, dimension=alarm.dimension)
        gauges.ALARMS.labels(*gauges.labels_of(alarm.tenant, alarm.model, alarm.dimension)).inc()
        await self._store.alarm(alarm)
        facts = {"model": alarm.model, "dimension": alarm.dimension, "observed": alarm.observed}
        principal = replace(self._principal, tenant=alarm.tenant)
        await self._trail.record("ethics.bias.alarm", principal, "ok", **facts)

    async def live(self, tenant: str, hours: int) -> Live:
        """``hours`` back from now; 0: a day. ``InvalidArgument``."""
        if not 0 <= hours <= _MOST_HOURS:
            raise InvalidArgument(f"hours must be 1 to {_MOST_HOURS}", field="hours", limit=_MOST_HOURS)
        cells = await self._store.cells(tenant, self._clock() - timedelta(hours=hours or _HOURS))
        return Live(cells, _gaps(cells), await self._store.alarms(tenant, _MOST_ALARMS))


def _gaps(cells: Mapping[Cell, Tally]) -> list[Gap]:
    sums: dict[tuple[str, str], dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for cell, tally in cells.items():
        sums[cell.model, cell.dimension][cell.group] += tally
    return [
        Gap(model, dimension, *_parity(groups), sum(each.seen for each in groups.values()))
        for (model, dimension), groups in sums.items()
        if len(groups) > 1
    ]


def _parity(groups: Mapping[str, Tally]) -> tuple[float, float, float]:
    """Of very many answers a sample of the same shares, so that asking stays fast."""
    scale = min(1.0, _MOST_COUNTED / max(each.seen for each in groups.values()))
    names: list[str] = []
    kind: list[bool] = []
    for name, tally in groups.items():
        seen, favourable = max(1, round(tally.seen * scale)), round(tally.favourable * scale)
        names += [name] * seen
        kind += [at < favourable for at in range(seen)]
    return FairnessAnalyzer(names, kind).demographic_parity_difference()


def _model(seen: Seen) -> str:
    return str(seen.version) if seen.version else seen.where


def _outcome(tally: Tally) -> str:
    return "refused" if tally.refused else "unkind" if tally.unkind else "helped"
