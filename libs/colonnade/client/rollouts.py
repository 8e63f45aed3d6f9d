"""Both clients' ``rollouts``."""

import builtins
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from colonnade.client import rollout_calls as calls
from colonnade.client.rollout_calls import Policy, Rollout

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade

POLL_SECONDS = 1.0


class SyncRollouts:
    """Versions on their way to an alias."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def start(
        self,
        model: str,
        version: int,
        *,
        alias: str | None = None,
        policy: str | None = None,
        plan: Mapping[str, Any] | None = None,
        why: str | None = None,
    ) -> Rollout:
        """Begins one, by a named policy or by a plan as ``POST /rollouts`` takes it."""
        return self._client._call(calls.start(model, version, alias, policy, plan, why))

    def get(self, rollout_id: str) -> Rollout:
        """With what was seen of both versions, and its events."""
        return self._client._call(calls.get(rollout_id))

    def list(self, *, model: str | None = None, under_way: bool = False) -> list[Rollout]:
        """Newest first."""
        found, token = builtins.list[Rollout](), ""
        while True:
            part = self._client._call(calls.page(model, under_way, token))
            found += part.rollouts
            token = part.next_page_token
            if not token:
                return found

    def pause(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """It goes no further by itself; an objective that breaks still takes it back."""
        return self._client._call(calls.change(rollout_id, "pause", why, expected_revision))

    def resume(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """Its step begins anew."""
        return self._client._call(calls.change(rollout_id, "resume", why, expected_revision))

    def promote(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """All requests at once; not past the gates."""
        return self._client._call(calls.change(rollout_id, "promote", why, expected_revision))

    def roll_back(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """The alias means what it meant before."""
        return self._client._call(calls.change(rollout_id, "roll_back", why, expected_revision))

    def wait(
        self, rollout_id: str, *, every: float = POLL_SECONDS, show: Callable[[Rollout], None] | None = None
    ) -> Rollout:
        """The rollout once it has ended; ``show`` gets it each time it is looked at."""
        while True:
            found = self.get(rollout_id)
            if show is not None:
                show(found)
            if found.ended:
                return found
            self._client._sleep(every)

    def policies(self) -> builtins.list[Policy]:
        """The named plans."""
        return self._client._call(calls.policies())


class AsyncRollouts:
    """Versions on their way to an alias."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def start(
        self,
        model: str,
        version: int,
        *,
        alias: str | None = None,
        policy: str | None = None,
        plan: Mapping[str, Any] | None = None,
        why: str | None = None,
    ) -> Rollout:
        """Begins one, by a named policy or by a plan as ``POST /rollouts`` takes it."""
        return await self._client._call(calls.start(model, version, alias, policy, plan, why))

    async def get(self, rollout_id: str) -> Rollout:
        """With what was seen of both versions, and its events."""
        return await self._client._call(calls.get(rollout_id))

    async def list(self, *, model: str | None = None, under_way: bool = False) -> list[Rollout]:
        """Newest first."""
        found, token = builtins.list[Rollout](), ""
        while True:
            part = await self._client._call(calls.page(model, under_way, token))
            found += part.rollouts
            token = part.next_page_token
            if not token:
                return found

    async def pause(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """It goes no further by itself; an objective that breaks still takes it back."""
        return await self._client._call(calls.change(rollout_id, "pause", why, expected_revision))

    async def resume(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """Its step begins anew."""
        return await self._client._call(calls.change(rollout_id, "resume", why, expected_revision))

    async def promote(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """All requests at once; not past the gates."""
        return await self._client._call(calls.change(rollout_id, "promote", why, expected_revision))

    async def roll_back(
        self, rollout_id: str, *, why: str | None = None, expected_revision: int | None = None
    ) -> Rollout:
        """The alias means what it meant before."""
        return await self._client._call(calls.change(rollout_id, "roll_back", why, expected_revision))

    async def wait(
        self, rollout_id: str, *, every: float = POLL_SECONDS, show: Callable[[Rollout], None] | None = None
    ) -> Rollout:
        """The rollout once it has ended; ``show`` gets it each time it is looked at."""
        while True:
            found = await self.get(rollout_id)
            if show is not None:
                show(found)
            if found.ended:
                return found
            await self._client._sleep(every)

    async def policies(self) -> builtins.list[Policy]:
        """The named plans."""
        return await self._client._call(calls.policies())
