"""What works on reports: a piece at a time, so that another service goes on where one has died."""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, DeadlineExceeded, Unavailable
from colonnade.ethics.bias.detector import MultidimensionalBiasDetector
from colonnade.ethics.bias.domain.measures import figures_of
from colonnade.ethics.bias.domain.outcomes import Outcome
from colonnade.ethics.bias.domain.probes import ProbeSet
from colonnade.ethics.bias.domain.reports import Report, State
from colonnade.ethics.bias.ports import Models, Reports
from colonnade.ethics.bias.reporting import utc_now
from colonnade.ethics.bias.sets import Sets
from colonnade.telemetry import get_logger

PIECE = 32
"""Probes."""
_LEASE = timedelta(minutes=5)
_LOOK_SECONDS = 5.0
_PATIENCE = 5
_LOG = get_logger(__name__)
_Piece = tuple[str, ProbeSet, int]


class Runner:
    """One report at a time."""

    def __init__(
        self,
        reports: Reports,
        models: Models,
        sets: Sets,
        *,
        lease: timedelta = _LEASE,
        look_seconds: float = _LOOK_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``lease`` is longer than any piece takes."""
        self._reports, self._models, self._sets = reports, models, sets
        self._lease, self._look, self._clock = lease, look_seconds, clock
        self._holder = uuid.uuid4().hex
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                busy = await self.once()
            except ColonnadeError as error:
                _LOG.warning("a report waits", reason=error.message)
                busy = False
            except Exception:  # what ends here goes on no more until the next start
                _LOG.exception("a report waits")
                busy = False
            if not busy:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look):
                        await self._woken.wait()

    async def once(self) -> bool:
        """Whether there was a report to work on."""
        now = self._clock()
        report = await self._reports.claim(self._holder, now, now + self._lease)
        if report is None:
            return False
        try:
            await self._work(report)
        except (Unavailable, DeadlineExceeded) as error:
            await self._end(report, State.FAILED, why=f"after {_PATIENCE} attempts: {error.message}")
        except ColonnadeError as error:
            await self._end(report, State.FAILED, why=error.message)
        return True

    async def _work(self, report: Report) -> None:
        sets = [await asyncio.to_thread(self._sets.read, name) for name in report.sets]
        pieces = list(_pieces(sets))
        known = dict(await self._reports.pieces(report.id))
        report = replace(report, total=sum(len(each.probes) for each in sets))
        detector = MultidimensionalBiasDetector(self._models.asked(report.model))
        for name, probes, start in pieces:
            if name in known:
                continue
            known[name] = await self._asked(detector, probes, start)
            report = replace(report, done=sum(map(len, known.values())))
            until = self._clock() + self._lease
            if not await self._reports.keep(report, self._holder, until, name, known[name]):
                return  # it took so long that somebody else goes on
        figures = [
            figure for probes in sets for figure in figures_of(probes.name, _of(probes, pieces, known))
        ]
        await self._end(replace(report, figures=tuple(figures)), State.DONE)

    async def _asked(
        self, detector: MultidimensionalBiasDetector, probes: ProbeSet, start: int
    ) -> Sequence[Outcome]:
        """Again where the version cannot be asked just now."""
        for attempt in range(_PATIENCE):
            try:
                return await detector.outcomes(probes.probes[start : start + PIECE])
            except* (Unavailable, DeadlineExceeded) as failures:
                if attempt + 1 == _PATIENCE:
                    raise _first(failures) from None
            except* ColonnadeError as failures:
                raise _first(failures) from None
            await asyncio.sleep(2**attempt)
        raise AssertionError("unreachable")

    async def _end(self, report: Report, state: State, why: str = "") -> None:
        ended = replace(report, state=state, why=why, ended_at=self._clock())
        await self._reports.finish(ended, self._holder)


def _pieces(sets: Sequence[ProbeSet]) -> Iterator[_Piece]:
    """Named by their set's content too: of a set that has changed meanwhile nothing is known."""
    for probes in sets:
        for start in range(0, len(probes.probes), PIECE):
            yield f"{probes.name}/{probes.digest[-16:]}/{start:08d}", probes, start


def _of(probes: ProbeSet, pieces: Sequence[_Piece], known: Mapping[str, Sequence[Outcome]]) -> list[Outcome]:
    return [each for name, owner, _ in pieces if owner is probes for each in known[name]]


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
