"""Who comes in, who did what, and whether the house stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from colonnade.gateway.domain.keys import KeyRecord
from colonnade.security.identity import Principal


class KeyStore(Protocol):
    """Keeps key records. What it has returned from is kept."""

    async def find(self, key_id: str) -> KeyRecord | None: ...

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> KeyRecord | None: ...

    async def ever(self) -> bool:
        """Whether a key was ever created, revoked and expired ones included."""

    async def records(self, tenant: str | None) -> Sequence[KeyRecord]:
        """Newest first; of all tenants where ``tenant`` is None."""

    async def add(self, record: KeyRecord, replaced_expires_at: datetime | None = None) -> None:
        """Adds a key; in the same transaction, the key it ``replaces`` expires then.

        ``Conflict`` where the tenant has used the idempotency key before.
        """

    async def revoke(self, key_id: str, at: datetime) -> None: ...

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Notes when keys were last used."""


class Audit(Protocol):
    """The record of who did what."""

    async def record(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        """Returns when the record is on the disk; ``Unavailable`` where it cannot be written."""

    def note(self, action: str, principal: Principal, outcome: str, **facts: Any) -> None:
        """Writes the record soon; a store that is away never stops what is recorded so."""


class Probe(Protocol):
    """Looks whether a part of the platform that requests need is there."""

    name: str

    async def check(self) -> str:
        """Empty when ready; else what is wrong, for people."""
