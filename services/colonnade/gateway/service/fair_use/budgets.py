"""How much of a month's tokens is spent: read from the ledger now and then, kept up to date between."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.fair_use import Scope
from colonnade.gateway.domain.usage import Entry
from colonnade.gateway.ports import UsageLedger
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_CACHED = 8192
_FRESH_SECONDS = 5.0
"""How long what other gateways spend may go unnoticed."""


@dataclass(slots=True)
class _Spent:
    month: tuple[int, int]
    tokens: int
    read_at: float
    reading: "asyncio.Task[None] | None" = None


class Budgets:
    """A request waits for the ledger the first time that its scope is asked about, not again."""

    def __init__(self, ledger: UsageLedger, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._spent: OrderedDict[Scope, _Spent] = OrderedDict()

    async def spent(self, scope: Scope, day: date) -> int:
        """Tokens in the month of ``day``."""
        known = self._spent.get(scope)
        if known is None or known.month != _month(day):
            await self._read(scope, day)
            return self._spent[scope].tokens
        if self._clock() - known.read_at >= _FRESH_SECONDS and known.reading is None:
            known.reading = asyncio.create_task(self._read_again(scope, day))
        return known.tokens

    def add(self, entry: Entry, scopes: tuple[Scope, ...]) -> None:
        """Something was recorded in the ledger."""
        for scope in scopes:
            known = self._spent.get(scope)
            if known is not None and known.month == _month(entry.day):
                known.tokens += entry.amounts.tokens

    async def close(self) -> None:
        tasks = [each.reading for each in self._spent.values() if each.reading is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, scope: Scope, day: date) -> None:
        tokens = await self._ledger.spent(scope, day)
        self._spent[scope] = _Spent(_month(day), tokens, self._clock())
        self._spent.move_to_end(scope)
        if len(self._spent) > _CACHED:
            self._spent.popitem(last=False)

    async def _read_again(self, scope: Scope, day: date) -> None:
        try:
            await self._read(scope, day)
        except ColonnadeError as error:
            _LOG.warning("budget not read again; the last known sum holds", reason=error.message)
            if (known := self._spent.get(scope)) is not None:
                known.reading, known.read_at = None, self._clock()


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month
