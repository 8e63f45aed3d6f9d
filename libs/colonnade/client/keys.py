"""Both clients' ``keys``."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from colonnade.client import calls
from colonnade.client.results import Key, NewKey

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncKeys:
    """API keys."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def create(
        self,
        name: str = "",
        *,
        roles: Sequence[str] = ("caller",),
        tenant: str | None = None,
        subject: str | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """A new key; its ``secret`` is shown this once. A platform's first key must have the role admin."""
        return self._client._call(calls.create_key(name, roles, tenant, subject, expires_at))

    def list(self) -> list[Key]:
        return self._client._call(calls.list_keys())

    def revoke(self, key_id: str) -> None:
        self._client._call(calls.revoke_key(key_id))

    def rotate(self, key_id: str, *, grace_seconds: int = 0) -> NewKey:
        """A successor of the same scope; the old key holds for ``grace_seconds`` more."""
        return self._client._call(calls.rotate_key(key_id, grace_seconds))


class AsyncKeys:
    """API keys."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def create(
        self,
        name: str = "",
        *,
        roles: Sequence[str] = ("caller",),
        tenant: str | None = None,
        subject: str | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """A new key; its ``secret`` is shown this once. A platform's first key must have the role admin."""
        return await self._client._call(calls.create_key(name, roles, tenant, subject, expires_at))

    async def list(self) -> list[Key]:
        return await self._client._call(calls.list_keys())

    async def revoke(self, key_id: str) -> None:
        await self._client._call(calls.revoke_key(key_id))

    async def rotate(self, key_id: str, *, grace_seconds: int = 0) -> NewKey:
        """A successor of the same scope; the old key holds for ``grace_seconds`` more."""
        return await self._client._call(calls.rotate_key(key_id, grace_seconds))
