"""Webhooks in the registry's database, beside the events that they are told of."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict, NotFound
from colonnade.registry.adapters.sql_events import span_of
from colonnade.registry.adapters.webhook_tables import WEBHOOKS
from colonnade.registry.events.ports import LeaseLost
from colonnade.registry.events.service import place
from colonnade.registry.events.webhook import State, Webhook
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database, micros, moment_of


class SqlWebhookStore:
    """Implements ``events.ports.WebhookStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, webhook: Webhook, after: int | None, once: Once | None, *, most: int) -> Webhook:
        async def work(connection: AsyncConnection) -> Webhook:
            known = await _recalled(connection, once) if once else None
            if known is not None:
                return known
            if (await connection.scalar(select(func.count()).select_from(WEBHOOKS)) or 0) >= most:
                raise Conflict(f"there are {most} webhooks, as many as there may be; delete one", limit=most)
            first, last = await span_of(connection)
            made = replace(webhook, delivered=place(after, last, otherwise=last, first=first))
            await connection.execute(insert(WEBHOOKS).values(**_first_row(made, once)))
            return made

        return await self._database.write(work)

    async def all(self, tenant: str) -> tuple[Sequence[Webhook], int]:
        query = select(WEBHOOKS).order_by(WEBHOOKS.c.created_at, WEBHOOKS.c.id)
        if tenant:
            query = query.where(WEBHOOKS.c.tenant == tenant)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).all()
            return [_webhook(row) for row in found], (await span_of(connection))[1]

    async def delete(self, webhook_id: str, tenant: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await _found(connection, webhook_id, tenant)
            await connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id))

        await self._database.write(work)

    async def resume(self, webhook_id: str, tenant: str) -> Webhook:
        async def work(connection: AsyncConnection) -> Webhook:
            resumed = (await _found(connection, webhook_id, tenant)).resumed()
            free = {"lease_holder": "", "lease_until": 0}  # who tells it, if anyone, waits for its next try
            statement = update(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id)
            await connection.execute(statement.values(**_row(resumed), **free))
            return resumed

        return await self._database.write(work)

    async def reseal(self, webhook: Webhook, sealed: str) -> None:
        as_it_was = and_(WEBHOOKS.c.id == webhook.id, WEBHOOKS.c.secret == webhook.sealed)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(WEBHOOKS).where(as_it_was).values(secret=sealed))

        await self._database.write(work)

    async def claim(self, holder: str, now: datetime, until: datetime) -> Sequence[Webhook]:
        free = and_(WEBHOOKS.c.state == State.ACTIVE.value, WEBHOOKS.c.lease_until <= micros(now))
        async with self._database.reading() as connection:
            if (await connection.execute(select(WEBHOOKS.c.id).where(free).limit(1))).first() is None:
                return []  # without a write, every second

        async def work(connection: AsyncConnection) -> Sequence[Webhook]:
            found = [_webhook(row) for row in await connection.execute(select(WEBHOOKS).where(free))]
            lease = {"lease_holder": holder, "lease_until": micros(until)}
            await connection.execute(update(WEBHOOKS).where(free).values(**lease))
            return found

        return await self._database.write(work)

    async def renew(self, holder: str, ids: Collection[str], until: datetime) -> Collection[str]:
        held = and_(WEBHOOKS.c.lease_holder == holder, WEBHOOKS.c.id.in_(ids))

        async def work(connection: AsyncConnection) -> Collection[str]:
            await connection.execute(update(WEBHOOKS).where(held).values(lease_until=micros(until)))
            return set(await connection.scalars(select(WEBHOOKS.c.id).where(held)))

        return await self._database.write(work)

    async def release(self, holder: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            held = WEBHOOKS.c.lease_holder == holder
            await connection.execute(update(WEBHOOKS).where(held).values(lease_holder="", lease_until=0))

        await self._database.write(work)

    async def keep(self, webhook: Webhook, holder: str) -> None:
        held = and_(WEBHOOKS.c.id == webhook.id, WEBHOOKS.c.lease_holder == holder)

        async def work(connection: AsyncConnection) -> None:
            if await connection.scalar(select(WEBHOOKS.c.id).where(held)) is None:
                raise LeaseLost(f"another registry tells {webhook.id}, or it is gone")
            await connection.execute(update(WEBHOOKS).where(held).values(**_row(webhook)))

        await self._database.write(work)


async def _recalled(connection: AsyncConnection, once: Once) -> Webhook | None:
    mine = and_(WEBHOOKS.c.owner == once.owner, WEBHOOKS.c.idempotency_key == once.key)
    row = (await connection.execute(select(WEBHOOKS).where(mine))).first()
    if row is None:
        return None
    once.check(row.fingerprint)
    return _webhook(row)


async def _found(connection: AsyncConnection, webhook_id: str, tenant: str) -> Webhook:
    row = (await connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id))).first()
    if row is None or tenant not in ("", row.tenant):
        raise NotFound(f"there is no webhook {webhook_id}", field="webhook")
    return _webhook(row)


def _row(webhook: Webhook) -> dict[str, Any]:
    """What changes."""
    return {
        "state": webhook.state.value,
        "delivered": webhook.delivered,
        "failures": webhook.failures,
        "failing_since": micros(webhook.failing_since) if webhook.failing_since else 0,
        "next_try": micros(webhook.next_try) if webhook.next_try else 0,
        "last_error": webhook.last_error,
    }


def _first_row(webhook: Webhook, once: Once | None) -> dict[str, Any]:
    return _row(webhook) | {
        "id": webhook.id,
        "tenant": webhook.tenant,
        "url": webhook.url,
        "models": json.dumps(webhook.models),
        "kinds": json.dumps(webhook.kinds),
        "secret": webhook.sealed,
        "created_at": micros(webhook.created_at),
        "created_by": webhook.created_by,
        "lease_holder": "",
        "lease_until": 0,
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        row.id,
        row.tenant,
        row.url,
        tuple(json.loads(row.models)),
        tuple(json.loads(row.kinds)),
        row.secret,
        moment_of(row.created_at),
        row.created_by,
        State(row.state),
        row.delivered,
        row.failures,
        moment_of(row.failing_since) if row.failing_since else None,
        moment_of(row.next_try) if row.next_try else None,
        row.last_error,
    )
