"""Generations under way, by whose they are and what they are called, so that they can be ended."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeAlias

from colonnade.errors import ColonnadeError
from colonnade.inference.attempts import Attempts
from colonnade.inference.domain import Work
from colonnade.inference.slot import Slot
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_ASKED_AT_MOST = 20
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0
_Key: TypeAlias = tuple[str, str]


class Running:
    """One generation, from its arrival to its end."""

    def __init__(self, work: Work) -> None:
        self._request_id = work.request_id
        self._slot: Slot | None = None
        self._placing: asyncio.Timeout | None = None
        self.aborted = False
        self.open = True

    @contextmanager
    def while_open(self) -> Iterator[None]:
        """Nothing is left to be aborted afterwards."""
        try:
            yield
        finally:
            self.open = False

    async def placed(self, attempts: Attempts) -> Slot | None:
        """The engine that has everything for it; None where it was aborted before there was one."""
        self._slot, slot = None, None
        if not self.aborted:
            try:
                async with asyncio.timeout(None) as self._placing:
                    slot, _ = await attempts.next()
            except TimeoutError:
                if not self.aborted:
                    raise
            finally:
                self._placing = None
        self._slot = None if self.aborted else slot
        return self._slot

    async def abort(self) -> None:
        """Its stream ends soon, with what it came to."""
        self.aborted = True
        if self._placing:
            self._placing.reschedule(asyncio.get_running_loop().time())
        elif self._slot:
            await self._tell(self._slot)

    async def _tell(self, slot: Slot) -> None:
        """Asks the engine, which may still be reading the prompt, and until then knows of nothing."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            for _ in range(_ASKED_AT_MOST):
                if not self.open or self._slot is not slot or await slot.engine.abort(self._request_id):
                    return
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)
        except ColonnadeError as error:
            _LOG.warning("not aborted", engine=slot.engine.address, code=error.code)


class Abortable(Protocol):
    async def abort(self) -> None:
        """Its stream ends soon, with what it came to."""
        ...


class Generations:
    """Those of all tenants. Nobody reaches another tenant's."""

    def __init__(self) -> None:
        self._running: dict[_Key, list[Abortable]] = {}

    @contextmanager
    def under_way(self, work: Work) -> Iterator[Running]:
        mine = Running(work)
        with self.named(work, mine), mine.while_open():
            yield mine

    @contextmanager
    def named(self, work: Work, mine: Abortable) -> Iterator[None]:
        """``mine`` is what a request's name reaches."""
        key = (work.tenant, work.request_id)
        if work.request_id:
            self._running.setdefault(key, []).append(mine)
        try:
            yield
        finally:
            if work.request_id:
                self._running[key].remove(mine)
                if not self._running[key]:
                    del self._running[key]

    async def abort(self, tenant: str, request_id: str) -> bool:
        """Ends all that a tenant calls by this name; whether there were any."""
        found = list(self._running.get((tenant, request_id), ()))
        await asyncio.gather(*(each.abort() for each in found))
        return bool(found)
