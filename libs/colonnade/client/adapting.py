"""Both clients' ``adaptations``."""

import builtins
from typing import TYPE_CHECKING, Unpack

from colonnade.client import adapting_calls as calls
from colonnade.client.adapting_calls import AdaptationOptions
from colonnade.client.memory import _all, _all_async
from colonnade.client.results.adapting import Adaptation, AdaptationPair

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncAdaptations:
    """Versions taught by preferences to do less harm."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def begin(
        self, model: str, *, idempotency_key: str | None = None, **options: Unpack[AdaptationOptions]
    ) -> Adaptation:
        """Pairs, trains, evaluates and proposes a rollout; the platform goes on with it. With a key that was
        used before: what was begun with it."""
        return self._client._call(calls.begin(model, options, idempotency_key))

    def get(self, adaptation_id: str) -> Adaptation:
        """How far it is; with its figures once it was evaluated."""
        return self._client._call(calls.get(adaptation_id))

    def list(self, *, model: str | None = None, limit: int | None = None) -> list[Adaptation]:
        """Of the tenant, newest first."""
        return _all(self._client, calls.adaptations(model, limit))

    def cancel(self, adaptation_id: str) -> Adaptation:
        """Ends what is under way, its training job too. What was proposed stays."""
        return self._client._call(calls.cancel(adaptation_id))

    def pairs(self, adaptation_id: str, *, limit: int | None = None) -> builtins.list[AdaptationPair]:
        """What it learns from; those of feedback are ``client.feedback``'s."""
        return _all(self._client, calls.pairs(adaptation_id, limit))


class AsyncAdaptations:
    """Versions taught by preferences to do less harm."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def begin(
        self, model: str, *, idempotency_key: str | None = None, **options: Unpack[AdaptationOptions]
    ) -> Adaptation:
        """Pairs, trains, evaluates and proposes a rollout; the platform goes on with it. With a key that was
        used before: what was begun with it."""
        return await self._client._call(calls.begin(model, options, idempotency_key))

    async def get(self, adaptation_id: str) -> Adaptation:
        """How far it is; with its figures once it was evaluated."""
        return await self._client._call(calls.get(adaptation_id))

    async def list(self, *, model: str | None = None, limit: int | None = None) -> list[Adaptation]:
        """Of the tenant, newest first."""
        return await _all_async(self._client, calls.adaptations(model, limit))

    async def cancel(self, adaptation_id: str) -> Adaptation:
        """Ends what is under way, its training job too. What was proposed stays."""
        return await self._client._call(calls.cancel(adaptation_id))

    async def pairs(self, adaptation_id: str, *, limit: int | None = None) -> builtins.list[AdaptationPair]:
        """What it learns from; those of feedback are ``client.feedback``'s."""
        return await _all_async(self._client, calls.pairs(adaptation_id, limit))
