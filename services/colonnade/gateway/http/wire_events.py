"""Events and webhooks as JSON, and a stream of events as server-sent ones."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain import events as domain
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.http.described import Events
from colonnade.gateway.http.framing import Framing, line
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_errors import Refusal
from colonnade.security.inputs import check_text

AFTER = Range(-(2**53), 2**53)
LIMIT = Range(1, 1000)
_URL_BYTES = 2048
_FILTER_BYTES = 8192


class Event(BaseModel):
    number: int = Field(description="In the order in which it was committed, without gaps.")
    at: datetime
    kind: str = Field(description="As in alias.moved.")
    tenant: str = Field(description="That owns the model.")
    model: str = Field(description="Empty where it is about none; so is the alias.")
    version: int = Field(description="0 where it is about none, or several.")
    alias: str
    by: str
    facts: dict[str, str]

    @classmethod
    def of(cls, event: domain.Event) -> "Event":
        return cls.model_validate(event, from_attributes=True)


class EventsOut(BaseModel):
    events: list[Event] = Field(description="Oldest first.")
    last: int = Field(description="The newest number that there is.")
    next_after: int = Field(description="What `after` has to be for those that follow.")


class WebhookBody(Strict):
    url: str = Field(description="Where it leads; the registry's settings say what is allowed.")
    models: list[str] = Field(default=[], description="Empty: all.")
    kinds: list[str] = Field(default=[], description='As in `"alias.moved"`, or `"rollout.*"`; empty: all.')
    after: int | None = Field(
        default=None, description="A number; 0: from the first event; default: from now on."
    )

    def order(self, key: str) -> domain.WebhookOrder:
        if self.after is not None:
            AFTER.check("after", self.after)
        url = check_text(self.url, "url", _URL_BYTES, controls="line")
        return domain.WebhookOrder(url, tuple(self.models), tuple(self.kinds), self.after, key)


class Webhook(BaseModel):
    id: str
    url: str
    models: list[str]
    kinds: list[str]
    state: Literal["active", "given_up"]
    delivered: int = Field(description="The number of the last event that was taken.")
    last: int = Field(description="The newest number that there is.")
    failures: int = Field(description="Since then.")
    last_error: str
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, webhook: domain.Webhook) -> "Webhook":
        return cls.model_validate(webhook, from_attributes=True)


class NewWebhook(Webhook):
    secret: str = Field(description="What its messages are signed with; shown this once.")

    @classmethod
    def issued(cls, made: domain.NewWebhook) -> "NewWebhook":
        return cls(**Webhook.of(made.webhook).model_dump(), secret=made.secret)


class Webhooks(BaseModel):
    webhooks: list[Webhook] = Field(description="Oldest first.")


class EventsRenderer:
    """Of a page as JSON, or of a stream."""

    status = 200

    def headers(self) -> Mapping[str, str]:
        return {}

    def events(self, item: domain.Told) -> Iterator[Mapping[str, Any]]:
        yield Event.of(item.event).model_dump(mode="json") if item.event else {"last": item.last}

    def whole(self, items: list[domain.Told]) -> Mapping[str, Any]:
        found = [Event.of(item.event) for item in items if item.event]
        page = EventsOut(events=found, last=items[0].last, next_after=items[-1].last)
        return page.model_dump(mode="json")


def framed(data: Mapping[str, Any]) -> bytes:
    """An event; or a comment that says that the stream is alive, with the number to come back with."""
    if "kind" not in data:
        return f"id: {data['last']}\n: alive\n\n".encode()
    return f"id: {data['number']}\nevent: {data['kind']}\ndata: ".encode() + line(data) + b"\n\n"


FRAMING = Framing(framed, b"")


def named(text: str, field: str) -> tuple[str, ...]:
    """Names between commas."""
    given = check_text(text, field, _FILTER_BYTES, allow_empty=True, controls="line")
    return tuple(part.strip() for part in given.split(",") if part.strip())


def after_of(after: int | None, last_event_id: str | None) -> int | None:
    """The header wins: a browser comes back with it, and with the address that it began with."""
    if last_event_id is not None:
        if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 16):
            raise InvalidArgument("last-event-id must be the id of an event", field="last-event-id")
        after = int(last_event_id)
    if after is not None:
        AFTER.check("after", after)
    return after


def _example() -> Iterable[Mapping[str, Any]]:
    moved = domain.Event(
        7, datetime.fromisoformat("2026-03-01T09:30:00+00:00"), "alias.moved", "local", "smollm2", 2,
        "production", "local/ann", {"revision": "3", "targets": "2=100"},
    )  # fmt: skip
    return [Event.of(moved).model_dump(mode="json")]


EVENTS = Events(Event, list(_example()), error=Refusal, done=False, numbered=True)
