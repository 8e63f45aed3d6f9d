"""Both clients' ``screening``."""

from typing import TYPE_CHECKING, Unpack

from colonnade.client import screening_calls as calls
from colonnade.client.memory import _all, _all_async
from colonnade.client.results.screening import (
    Assignment,
    DecisionCount,
    DryRun,
    KeptDecision,
    PolicyText,
    PolicyTrials,
    PutPolicy,
    ScreeningPolicy,
)
from colonnade.client.screening_calls import DecisionFilter, NewAssignment

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncScreening:
    """Policies of screening, where they judge, and what they decided."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def policies(self) -> list[ScreeningPolicy]:
        """By name: the tenant's own, and the platform's."""
        return self._client._call(calls.policies())

    def policy(self, name: str, *, version: str | None = None) -> PolicyText:
        """As it was put; the latest by default."""
        return self._client._call(calls.policy(name, version))

    def put(self, name: str, yaml: str) -> PutPolicy:
        """Keeps a version for good; it judges nothing before it is assigned. ``InvalidArgument`` names the
        field that is wrong, or the test that fails."""
        return self._client._call(calls.put(name, yaml))

    def test(self, yaml: str) -> PolicyTrials:
        """Runs a policy's own tests; keeps nothing."""
        return self._client._call(calls.test(yaml))

    def dry_run(self, yaml: str, *, limit: int | None = None) -> DryRun:
        """What a policy would have done to kept traffic, newest first; changes nothing."""
        return self._client._call(calls.dry_run(yaml, limit))

    def assignments(self) -> list[Assignment]:
        """What holds on each route that something was assigned to."""
        return self._client._call(calls.assignments())

    def assign(
        self, route: str, name: str, *, idempotency_key: str | None = None, **options: Unpack[NewAssignment]
    ) -> Assignment:
        """Has a policy judge on a route such as ``/generate``, or ``*``: all requests, a ``share`` of them,
        or as a ``shadow``. With a key that was used before: what was assigned with it."""
        return self._client._call(calls.assign(route, name, options, idempotency_key))

    def take_back(
        self, route: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Assignment:
        """What held before the last assignment holds again; ``Conflict`` where there is none."""
        return self._client._call(calls.take_back(route, why, expected_revision))

    def decisions(self, *, limit: int | None = None, **wanted: Unpack[DecisionFilter]) -> list[KeptDecision]:
        """Newest first; all of them, or the first ``limit``."""
        return _all(self._client, calls.decisions(wanted, limit))

    def summary(self, by: str = "rule", **wanted: Unpack[DecisionFilter]) -> list[DecisionCount]:
        """How many decisions there were: by ``rule`` or ``action``, most first, or by ``day``."""
        return self._client._call(calls.summary(by, wanted))


class AsyncScreening:
    """Policies of screening, where they judge, and what they decided."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def policies(self) -> list[ScreeningPolicy]:
        """By name: the tenant's own, and the platform's."""
        return await self._client._call(calls.policies())

    async def policy(self, name: str, *, version: str | None = None) -> PolicyText:
        """As it was put; the latest by default."""
        return await self._client._call(calls.policy(name, version))

    async def put(self, name: str, yaml: str) -> PutPolicy:
        """Keeps a version for good; it judges nothing before it is assigned. ``InvalidArgument`` names the
        field that is wrong, or the test that fails."""
        return await self._client._call(calls.put(name, yaml))

    async def test(self, yaml: str) -> PolicyTrials:
        """Runs a policy's own tests; keeps nothing."""
        return await self._client._call(calls.test(yaml))

    async def dry_run(self, yaml: str, *, limit: int | None = None) -> DryRun:
        """What a policy would have done to kept traffic, newest first; changes nothing."""
        return await self._client._call(calls.dry_run(yaml, limit))

    async def assignments(self) -> list[Assignment]:
        """What holds on each route that something was assigned to."""
        return await self._client._call(calls.assignments())

    async def assign(
        self, route: str, name: str, *, idempotency_key: str | None = None, **options: Unpack[NewAssignment]
    ) -> Assignment:
        """Has a policy judge on a route such as ``/generate``, or ``*``: all requests, a ``share`` of them,
        or as a ``shadow``. With a key that was used before: what was assigned with it."""
        return await self._client._call(calls.assign(route, name, options, idempotency_key))

    async def take_back(
        self, route: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Assignment:
        """What held before the last assignment holds again; ``Conflict`` where there is none."""
        return await self._client._call(calls.take_back(route, why, expected_revision))

    async def decisions(
        self, *, limit: int | None = None, **wanted: Unpack[DecisionFilter]
    ) -> list[KeptDecision]:
        """Newest first; all of them, or the first ``limit``."""
        return await _all_async(self._client, calls.decisions(wanted, limit))

    async def summary(self, by: str = "rule", **wanted: Unpack[DecisionFilter]) -> list[DecisionCount]:
        """How many decisions there were: by ``rule`` or ``action``, most first, or by ``day``."""
        return await self._client._call(calls.summary(by, wanted))
