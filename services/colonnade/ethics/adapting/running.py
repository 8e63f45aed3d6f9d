"""What works on adaptations: a piece at a time, so that another service goes on where one has died."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError
from colonnade.ethics.adapting.domain.adaptations import Adaptation, State
from colonnade.ethics.adapting.ports import Adaptations, Rows
from colonnade.ethics.adapting.stages import AWAY, LEASE, Later, Lost, Stages
from colonnade.ethics.bias.reporting import utc_now
from colonnade.telemetry import get_logger

_LOOK_SECONDS = 2.0
_PATIENCE = timedelta(hours=24)
_PAUSE = timedelta(seconds=30)
_LOG = get_logger(__name__)


class Runner:
    """One adaptation at a time; while one is being trained, others have their turn."""

    def __init__(
        self,
        store: Adaptations,
        stages: Stages,
        rows: Rows,
        *,
        look_seconds: float = _LOOK_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._stages, self._rows = store, stages, rows
        self._look, self._clock = look_seconds, clock
        self._holder = uuid.uuid4().hex
        self._woken = asyncio.Event()
        self._away_since: dict[str, datetime] = {}

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                busy = await self.once()
            except ColonnadeError as error:
                _LOG.warning("an adaptation waits", reason=error.message)
                busy = False
            except Exception:  # its lease runs out, and it is tried again
                _LOG.exception("an adaptation waits")
                busy = False
            if not busy:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look):
                        await self._woken.wait()

    async def once(self) -> bool:
        """Whether there was an adaptation to work on."""
        now = self._clock()
        found = await self._store.claim(self._holder, now, now + LEASE)
        if found is None:
            return False
        try:
            ended = await self._stages.work(found, self._holder)
        except Lost:
            return True
        except Later as later:
            self._away_since.pop(found.id, None)
            await self._store.keep(later.adaptation, self._holder, self._clock() + later.after)
            return True
        except AWAY as error:
            await self._wait(found, error)
            return True
        except ColonnadeError as error:
            ended = await self._now(found)
            ended = ended.ended(State.FAILED, self._clock(), error.message)
        await self._finish(ended)
        return True

    async def _wait(self, found: Adaptation, error: ColonnadeError) -> None:
        """What is away comes back; after a day it is given up."""
        known, now = await self._now(found), self._clock()
        since = self._away_since.setdefault(found.id, now)
        if now - since > _PATIENCE:
            await self._finish(known.ended(State.FAILED, now, f"away for a day: {error.message}"))
            return
        _LOG.warning("an adaptation waits", adaptation=found.id, reason=error.message)
        await self._store.keep(known, self._holder, now + _PAUSE)

    async def _now(self, found: Adaptation) -> Adaptation:
        """With all that was kept since it was claimed."""
        return await self._store.get(found.tenant, found.id)

    async def _finish(self, ended: Adaptation) -> None:
        self._away_since.pop(ended.id, None)
        # Texts go first: once it has ended, nobody would look for them.
        await self._rows.remove(ended.id)
        await self._store.ungiven(ended.id)
        await self._store.finish(ended, self._holder)
