"""Tells webhooks of events in the background. Of several registries one tells a webhook, while it lives."""

import asyncio
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError
from colonnade.errors.backoff import backoff
from colonnade.registry import metrics
from colonnade.registry.events.messages import message
from colonnade.registry.events.ports import (
    Answer,
    Deliverer,
    Event,
    EventStore,
    LeaseLost,
    Wanted,
    WebhookStore,
)
from colonnade.registry.events.secrets import WebhookSecrets
from colonnade.registry.events.tail import Tail
from colonnade.registry.events.webhook import State, Webhook
from colonnade.registry.ports import AuditTrail
from colonnade.registry.service import utc_now
from colonnade.security.identity import Principal
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_PRINCIPAL = Principal.service("registry")
_PAGE = 100
_LONGEST_PAUSE_SECONDS = 300.0
_LONGEST_ASKED_SECONDS = 3600.0
_GONE, _NO_ANSWER = 410, Answer(0)


@dataclass(frozen=True, slots=True)
class Patience:
    """``first_seconds`` after the first failure, then twice as long each time; given up in the end."""

    first_seconds: float = 1.0
    longest_seconds: float = _LONGEST_PAUSE_SECONDS
    give_up_seconds: float = 24 * 3600.0
    longest_asked_seconds: float = _LONGEST_ASKED_SECONDS

    def pause(self, failures: int, asked: timedelta = timedelta(0)) -> timedelta:
        """Not before what the receiver ``asked`` for, where that is within bounds."""
        longest = backoff(failures, first=self.first_seconds, longest=self.longest_seconds)
        # Not all at once: those of one receiver that comes back have failed together.
        own = timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311
        return max(own, min(asked, timedelta(seconds=self.longest_asked_seconds)))

    @property
    def give_up(self) -> timedelta:
        return timedelta(seconds=self.give_up_seconds)


class Courier:
    """Each webhook has a task of its own, so that a dead receiver keeps nobody else waiting."""

    def __init__(
        self,
        webhooks: WebhookStore,
        secrets: WebhookSecrets,
        events: EventStore,
        tail: Tail,
        deliverer: Deliverer,
        trail: AuditTrail,
        *,
        patience: Patience,
        lease_seconds: float,
        tick_seconds: float = 1.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._webhooks = webhooks
        self._secrets = secrets
        self._events = events
        self._tail = tail
        self._deliverer = deliverer
        self._trail = trail
        self._patience = patience
        self._lease = timedelta(seconds=lease_seconds)
        self._tick = tick_seconds
        self._clock = clock
        self._holder = uuid.uuid4().hex
        self._held_until = clock()
        self._rounds: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, datetime] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A webhook was made or resumed here; those of other registries are seen within a tick."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled: then others may go on at once."""
        try:
            while True:
                self._woken.clear()
                await self._turn()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._tick):
                        await self._woken.wait()
        finally:
            await self._end(*self._rounds.values())
            with suppress(ColonnadeError):
                await asyncio.shield(self._webhooks.release(self._holder))

    async def _turn(self) -> None:
        self._rounds = {key: task for key, task in self._rounds.items() if not task.done()}
        oldest = min(self._waiting.values(), default=None)
        metrics.WEBHOOK_LAG.set((self._clock() - oldest).total_seconds() if oldest else 0.0)
        try:
            await self._renew()
            now = self._clock()
            for webhook in await self._webhooks.claim(self._holder, now, now + self._lease):
                if not self._rounds:  # else the oldest of the leases runs out first
                    self._held_until = now + self._lease
                await self._end(self._rounds.pop(webhook.id, None))  # resumed, or free again
                self._rounds[webhook.id] = asyncio.create_task(self._round(webhook))
        except ColonnadeError as error:
            _LOG.warning("webhooks wait; it will be tried again", reason=error.message)

    async def _renew(self) -> None:
        """Only of those that are told: what broke is left to be claimed anew when its lease has run out."""
        now = self._clock()
        if not self._rounds or self._held_until - now > self._lease * 2 / 3:
            return
        held = await self._webhooks.renew(self._holder, tuple(self._rounds), now + self._lease)
        self._held_until = now + self._lease
        for webhook_id, task in self._rounds.items():
            if webhook_id not in held:
                task.cancel()

    async def _end(self, *tasks: "asyncio.Task[None] | None") -> None:
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _round(self, webhook: Webhook) -> None:
        """Tells one webhook of all there is and will be, in order, until it is given up or gone."""
        wanted, seen = Wanted(webhook.models, webhook.kinds), webhook.delivered
        try:
            while webhook.state is State.ACTIVE:
                page = await self._events.page(wanted, seen, _PAGE)
                for event in page.events:
                    self._waiting[webhook.id] = event.at
                    webhook = await self._told(webhook, event)
                    if webhook.state is not State.ACTIVE:
                        return
                seen = page.seen
                self._waiting.pop(webhook.id, None)
                if not page.full:
                    await self._tail.beyond(seen, self._lease.total_seconds())
                if self._tail.closed:
                    return
        except LeaseLost:
            _LOG.info("the webhook is gone, or told by another registry", webhook=webhook.id)
        except ColonnadeError as error:
            _LOG.warning("a webhook waits", webhook=webhook.id, reason=error.message)
        except Exception:
            _LOG.exception("a webhook was left for now", webhook=webhook.id)
        finally:
            self._waiting.pop(webhook.id, None)

    async def _told(self, webhook: Webhook, event: Event) -> Webhook:
        """The webhook once its receiver has taken the event, or it was given up."""
        while True:
            if webhook.next_try is not None:
                await asyncio.sleep((webhook.next_try - self._clock()).total_seconds())
            webhook = await self._tried(webhook, event)
            await self._webhooks.keep(webhook, self._holder)
            if webhook.delivered == event.number:
                return webhook
            if webhook.state is State.GIVEN_UP:
                self._trail.note(
                    "registry.webhook.give_up", _PRINCIPAL, webhook.state.value,
                    webhook=webhook.id, url=webhook.url, delivered=webhook.delivered, why=webhook.last_error,
                )  # fmt: skip
                _LOG.warning("a webhook was given up", webhook=webhook.id, reason=webhook.last_error)
                return webhook

    async def _tried(self, webhook: Webhook, event: Event) -> Webhook:
        now = self._clock()
        if now >= self._held_until:
            raise LeaseLost("the lease has run out")
        try:
            headers, body = message(webhook, self._secrets.open(webhook), event, now)
            answer = await self._deliverer.post(webhook.url, headers, body)
            error = f"the receiver answered {answer.status}"
        except ColonnadeError as refusal:
            answer, error = _NO_ANSWER, refusal.message
        if 200 <= answer.status < 300:
            metrics.DELIVERIES.labels("ok").inc()
            return webhook.took(event.number)
        metrics.DELIVERIES.labels("failed").inc()
        give_up = timedelta(0) if answer.status == _GONE else self._patience.give_up
        pause = self._patience.pause(webhook.failures + 1, answer.retry_after)
        return webhook.failed(error, self._clock(), pause=pause, give_up=give_up)
