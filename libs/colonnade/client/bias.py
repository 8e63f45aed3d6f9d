"""Both clients' ``bias``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from colonnade.client import bias_calls as calls
from colonnade.client.memory import _all, _all_async
from colonnade.client.results.bias import BiasReport, LiveBias

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncBias:
    """What versions make of people of different groups, when asked and in the traffic."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def report(
        self,
        model: str,
        *,
        version: int | None = None,
        sets: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> BiasReport:
        """Begins one, by default of the version that the name stands for, with the set ``builtin``; the
        platform goes on with it. With a key that was used before: what was begun with it."""
        return self._client._call(calls.begin(model, version, sets, idempotency_key))

    def get(self, report_id: str) -> BiasReport:
        """How far it is; with its figures once it is done."""
        return self._client._call(calls.get(report_id))

    def list(self, *, model: str | None = None, limit: int | None = None) -> list[BiasReport]:
        """Of the tenant, newest first."""
        return _all(self._client, calls.reports(model, limit))

    def live(self, *, hours: int | None = None) -> LiveBias:
        """How groups fare in a sample of the tenant's traffic, by default of a day; and alarms."""
        return self._client._call(calls.live(hours))


class AsyncBias:
    """What versions make of people of different groups, when asked and in the traffic."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def report(
        self,
        model: str,
        *,
        version: int | None = None,
        sets: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> BiasReport:
        """Begins one, by default of the version that the name stands for, with the set ``builtin``; the
        platform goes on with it. With a key that was used before: what was begun with it."""
        return await self._client._call(calls.begin(model, version, sets, idempotency_key))

    async def get(self, report_id: str) -> BiasReport:
        """How far it is; with its figures once it is done."""
        return await self._client._call(calls.get(report_id))

    async def list(self, *, model: str | None = None, limit: int | None = None) -> list[BiasReport]:
        """Of the tenant, newest first."""
        return await _all_async(self._client, calls.reports(model, limit))

    async def live(self, *, hours: int | None = None) -> LiveBias:
        """How groups fare in a sample of the tenant's traffic, by default of a day; and alarms."""
        return await self._client._call(calls.live(hours))
