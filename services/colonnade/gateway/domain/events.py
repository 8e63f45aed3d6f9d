"""What happened in the registry, and who elsewhere is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    number: int
    at: datetime
    kind: str
    tenant: str
    model: str
    version: int
    alias: str
    by: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and the newest number; without one, the number up to which all was looked at."""

    event: Event | None
    last: int


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Empty means all; ``after`` as ``GET /events`` has it."""

    after: int | None = None
    models: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    limit: int = 100
    """Of a page."""


@dataclass(frozen=True, slots=True)
class WebhookOrder:
    url: str
    models: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    after: int | None = None
    """None: from now on."""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    url: str
    models: tuple[str, ...]
    kinds: tuple[str, ...]
    state: str
    """active or given_up."""
    delivered: int
    """The number of the last event that was taken."""
    last: int
    """The newest number there is."""
    failures: int
    """Since then."""
    last_error: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class NewWebhook:
    webhook: Webhook
    secret: str = field(repr=False)
