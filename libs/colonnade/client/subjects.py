"""Both clients' ``subjects``."""

from typing import TYPE_CHECKING

from colonnade.client import subject_calls as calls
from colonnade.client.memory_calls import Listing
from colonnade.client.results.erasures import Erasure

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncSubjects:
    """People, who are erased everywhere on the platform: by an admin, or by themselves."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def erase(
        self,
        subject: str,
        *,
        why: str | None = None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> Erasure:
        """Begins; the platform carries it out. One that goes on already is answered in its place."""
        return self._client._call(calls.erase(subject, why, tenant, idempotency_key))

    def erasure(self, erasure_id: str) -> Erasure:
        """How far it is; with its receipt once it is done."""
        return self._client._call(calls.get(erasure_id))

    def erasures(self, *, limit: int | None = None) -> list[Erasure]:
        """Of the tenant, newest first."""
        listing = Listing(calls.erasures, limit)
        while (call := listing.next_call()) is not None:
            listing.take(self._client._call(call))
        return listing.items

    def receipt_key(self) -> str:
        """The PEM of the public key that receipts are verified with."""
        return self._client._call(calls.receipt_key())


class AsyncSubjects:
    """People, who are erased everywhere on the platform: by an admin, or by themselves."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def erase(
        self,
        subject: str,
        *,
        why: str | None = None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> Erasure:
        """Begins; the platform carries it out. One that goes on already is answered in its place."""
        return await self._client._call(calls.erase(subject, why, tenant, idempotency_key))

    async def erasure(self, erasure_id: str) -> Erasure:
        """How far it is; with its receipt once it is done."""
        return await self._client._call(calls.get(erasure_id))

    async def erasures(self, *, limit: int | None = None) -> list[Erasure]:
        """Of the tenant, newest first."""
        listing = Listing(calls.erasures, limit)
        while (call := listing.next_call()) is not None:
            listing.take(await self._client._call(call))
        return listing.items

    async def receipt_key(self) -> str:
        """The PEM of the public key that receipts are verified with."""
        return await self._client._call(calls.receipt_key())
