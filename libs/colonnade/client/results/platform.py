"""The platform itself: who may use it, what runs, how it is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom the platform lets the caller in."""

    tenant: str
    subject: str
    key: str | None = None
    """The key's id; ``None`` where the platform asked for none."""
    roles: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    """The routes that it may call, as in ``POST /generate``."""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is listed: never its secret."""

    id: str
    name: str = ""
    tenant: str = ""
    subject: str = ""
    roles: tuple[str, ...] = ()
    created_at: datetime | None = None
    created_by: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaces: str = ""
    """The key that this one was rotated from."""


@dataclass(frozen=True, slots=True)
class NewKey(Key):
    """A key just made. ``secret`` is the whole string to send; the platform cannot show it again."""

    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EngineBreaker:
    """Stands between an engine and a version that failed there."""

    digest: str
    state: str
    """``open``, or ``half_open``: one request may try."""
    seconds: float = 0.0
    """Until it is half open."""


@dataclass(frozen=True, slots=True)
class Engine:
    """``why_not`` is empty where it is ready, else ``away``, ``draining`` or ``ejected``."""

    address: str
    ready: bool
    why_not: str = ""
    ejected_seconds: float = 0.0
    lease_seconds: float | None = None
    """Left of its lease; ``None`` for one that stands in the settings."""
    outstanding_tokens: int = 0
    running: int = 0
    waiting: int = 0
    memory_used_bytes: int = 0
    memory_budget_bytes: int = 0
    models: tuple[str, ...] = ()
    breakers: tuple[EngineBreaker, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether requests would be answered; ``parts`` says of what they need ``ready``, or what it lacks."""

    ready: bool
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlatformVersion:
    version: str
    extra: dict[str, Any] = field(default_factory=dict)
