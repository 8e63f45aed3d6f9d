"""API keys as the gateway keeps them: never the secret, only its hash."""

from dataclasses import dataclass
from datetime import datetime

from colonnade.security.identity import HOME_TENANT, Role
from colonnade.security.keys import ApiKey


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One API key and its history. A key with a subject speaks for that one only."""

    key: ApiKey
    created_by: str = ""
    """``tenant/subject``."""
    last_used_at: datetime | None = None
    replaces: str = ""
    """The key that this one was rotated from."""
    idempotency_key: str = ""

    @property
    def id(self) -> str:
        return self.key.id

    @property
    def manages_all(self) -> bool:
        """Whether it may make keys for everyone."""
        return self.key.tenant == HOME_TENANT and Role.ADMIN in self.key.roles


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A key to be made."""

    tenant: str
    roles: frozenset[Role]
    subject: str = ""
    name: str = ""
    expires_at: datetime | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and, this once, its secret."""

    record: KeyRecord
    secret: str
    """The whole key, as it is to be sent."""

    def __repr__(self) -> str:
        return f"IssuedKey({self.record.id})"
