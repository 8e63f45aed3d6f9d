"""What scopes take, may take, and took."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from colonnade.gateway.domain.fair_use import Demand, LimitRecord, Rule, Scope, Verdict
from colonnade.gateway.domain.usage import Entry, UsageQuery, UsageRow


class Limiter(Protocol):
    """Counts what scopes take. Each call is atomic."""

    async def take(self, demand: Demand) -> Verdict:
        """Takes a request, its tokens and a place to run, of all rules; of none if one refuses."""

    async def settle(self, demand: Demand, verdict: Verdict, tokens: int) -> None:
        """A request that was let in has ended: frees its place. It took ``tokens`` in the end."""

    async def look(self, rules: Sequence[Rule]) -> Verdict:
        """How scopes stand; takes nothing."""


class LimitStore(Protocol):
    """Keeps the limits of single scopes. What it has returned from is kept."""

    async def find(self, scopes: Sequence[Scope]) -> Mapping[Scope, LimitRecord]:
        """Those that have limits of their own."""

    async def records(self, tenant: str | None) -> Sequence[LimitRecord]:
        """Of all tenants where ``tenant`` is None."""

    async def put(self, record: LimitRecord) -> None: ...

    async def delete(self, scope: Scope) -> None: ...


class UsageLedger(Protocol):
    """What was used. An entry that was recorded outlives the process, and is counted once."""

    def record(self, entry: Entry) -> None: ...

    async def flush(self) -> None:
        """Brings what was recorded to where everyone sees it. Called now and then, and at the end."""

    async def rows(self, query: UsageQuery) -> Sequence[UsageRow]:
        """In the order of ``query.group_by``."""

    async def spent(self, scope: Scope, day: date) -> int:
        """Tokens in the month of ``day``."""
