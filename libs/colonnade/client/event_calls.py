"""Events and webhooks: what is sent, and what comes back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from colonnade.client import parsing, sse
from colonnade.client.calls import Call, Request, StreamCall, _given, _path
from colonnade.client.readers import payload


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the registry."""

    number: int
    """In the order in which it was committed, without gaps."""
    at: datetime
    kind: str
    """As in ``alias.moved``."""
    tenant: str = ""
    """That owns the model."""
    model: str = ""
    version: int = 0
    alias: str = ""
    by: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[Event, ...]
    last: int
    """The newest number that there is."""
    next_after: int
    """What ``after`` has to be for those that follow."""


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    url: str
    state: str
    """``active`` or ``given_up``."""
    models: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    delivered: int = 0
    """The number of the last event that was taken."""
    last: int = 0
    """The newest number that there is."""
    failures: int = 0
    """Since then."""
    last_error: str = ""
    created_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class NewWebhook(Webhook):
    secret: str = field(default="", repr=False)
    """What its messages are signed with; shown this once."""


class EventReader:
    """Of a stream that may end at any event: whoever reads comes back."""

    def read(self, event: sse.Event) -> Event | None:
        body = payload(event)
        return None if body is None else parsing.decoded(Event, body)

    def result(self) -> bool:
        return True


def page(
    after: int | None, models: Sequence[str], kinds: Sequence[str], limit: int | None
) -> Call[EventPage]:
    path = f"/events{_query(after, models, kinds, limit)}"
    return Call(Request("GET", path, repeatable=True), parsing.one(EventPage))


def watch(after: int, models: Sequence[str], kinds: Sequence[str]) -> StreamCall[Event, bool]:
    path = f"/events{_query(after, models, kinds, None)}"
    return StreamCall(Request("GET", path, accept="text/event-stream", repeatable=True), EventReader)


def place(after: int | None, last: int) -> int:
    """The number that ``after`` means, where ``last`` is the newest: counted here once, so that whoever comes
    back after a break misses nothing."""
    if after is None:
        return last
    return after if after >= 0 else max(0, last + after)


def create_webhook(
    url: str, models: Sequence[str], kinds: Sequence[str], after: int | None
) -> Call[NewWebhook]:
    """Safe to repeat: the platform knows the key again."""
    body = _given(url=url, models=list(models), kinds=list(kinds), after=after)
    key = uuid.uuid4().hex
    return Call(
        Request("POST", "/webhooks", body, repeatable=True, idempotency_key=key), parsing.one(NewWebhook)
    )


def webhooks() -> Call[list[Webhook]]:
    return Call(Request("GET", "/webhooks", repeatable=True), parsing.listed("webhooks", Webhook))


def delete_webhook(webhook_id: str) -> Call[None]:
    return Call(Request("DELETE", _path("webhooks", webhook_id)), parsing.nothing)


def resume_webhook(webhook_id: str) -> Call[Webhook]:
    return Call(Request("POST", _path("webhooks", webhook_id, "resume")), parsing.one(Webhook))


def _query(after: int | None, models: Sequence[str], kinds: Sequence[str], limit: int | None) -> str:
    named = {"models": ",".join(models) or None, "kinds": ",".join(kinds) or None}
    asked = _given(after=after, limit=limit, **named)
    return f"?{urlencode(asked)}" if asked else ""
