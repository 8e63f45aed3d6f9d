"""Events as they are kept, which of them are wanted, and what telling them to webhooks needs of the world."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from colonnade.errors import Conflict, InvalidArgument
from colonnade.registry.events.webhook import Webhook
from colonnade.security.inputs import check_count, model_name
from colonnade.security.inputs.once import Once

MAX_WANTED = 100
"""Models, and kinds, of one filter."""
_KIND = re.compile(r"[a-z][a-z_]{0,30}\.(?:[a-z][a-z_]{0,30}|\*)", re.ASCII)


class LeaseLost(Conflict):
    """Somebody else tells the webhook by now, or it is gone."""


@dataclass(frozen=True, slots=True)
class Event:
    """``number`` goes by the order of commits, without gaps."""

    number: int
    at: datetime
    kind: str
    tenant: str
    """That the model belongs to."""
    model: str
    version: int
    alias: str
    by: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter; what is empty lets everything pass. A kind is ``noun.verb`` or ``noun.*``."""

    models: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @classmethod
    def checked(cls, models: Sequence[str], kinds: Sequence[str]) -> "Wanted":
        """``InvalidArgument`` for what can be no model or kind."""
        check_count(len(models), MAX_WANTED, "models")
        check_count(len(kinds), MAX_WANTED, "kinds")
        for kind in kinds:
            if not _KIND.fullmatch(kind):
                raise InvalidArgument(
                    "a kind is as in alias.moved, or rollout.* for all of one", field="kinds"
                )
        return cls(tuple(model_name(model, "models") for model in models), tuple(kinds))

    @property
    def nouns(self) -> tuple[str, ...]:
        """With the dot: of the kinds that name all of one."""
        return tuple(kind[:-1] for kind in self.kinds if kind.endswith(".*"))

    def has(self, event: Event) -> bool:
        if self.models and event.model not in self.models:
            return False
        return not self.kinds or event.kind in self.kinds or event.kind.startswith(self.nouns)


@dataclass(frozen=True, slots=True)
class Page:
    """``last`` is the newest number that there was when the events were read."""

    events: Sequence[Event]
    last: int
    full: bool

    @property
    def seen(self) -> int:
        """All that is wanted up to this number is in this page, or was in one before it."""
        return self.events[-1].number if self.full else self.last


class Newest(Protocol):
    async def last(self) -> int:
        """The newest number; 0 where nothing happened yet."""
        ...


class EventStore(Newest, Protocol):
    async def page(self, wanted: Wanted, after: int, limit: int) -> Page:
        """Those with greater numbers than ``after``, oldest first."""
        ...

    async def span(self) -> tuple[int, int]:
        """The oldest number that is kept, and the newest."""
        ...

    async def forget(self, before: datetime, limit: int) -> int:
        """The oldest ``limit`` of those that happened before; returns how many went. The newest of all stays,
        so that numbers go on, and so does what an active webhook is still to be told of."""
        ...


class WebhookStore(Protocol):
    """Every method is one transaction; what it has returned from stays, whatever happens next."""

    async def add(self, webhook: Webhook, after: int | None, once: Once | None, *, most: int) -> Webhook:
        """With the number after which it is told, by ``events.service.place``; what was made under the key
        before is returned. ``Conflict`` where there are ``most`` already."""
        ...

    async def all(self, tenant: str) -> tuple[Sequence[Webhook], int]:
        """Of one tenant, or of all where that is empty, oldest first; and the newest event's number."""
        ...

    async def delete(self, webhook_id: str, tenant: str) -> None:
        """``NotFound`` where there is none, as for another tenant's."""
        ...

    async def resume(self, webhook_id: str, tenant: str) -> Webhook:
        """As if it had not failed. ``NotFound`` as above."""
        ...

    async def reseal(self, webhook: Webhook, sealed: str) -> None:
        """Keeps its secret sealed otherwise, unless somebody else has done that."""
        ...

    async def claim(self, holder: str, now: datetime, until: datetime) -> Sequence[Webhook]:
        """A lease on each that is active and that nobody tells."""
        ...

    async def renew(self, holder: str, ids: Collection[str], until: datetime) -> Collection[str]:
        """Those that ``holder`` still has."""
        ...

    async def release(self, holder: str) -> None:
        """Anyone may have them."""
        ...

    async def keep(self, webhook: Webhook, holder: str) -> None:
        """How far it was told, and how that goes. ``LeaseLost``."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a receiver. ``retry_after`` is how long it asks to be left alone."""

    status: int
    retry_after: timedelta = timedelta(0)


class Deliverer(Protocol):
    def check(self, url: str) -> None:
        """Refuses where nothing may be sent."""
        ...

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A ``ColonnadeError`` where there is no answer."""
        ...
