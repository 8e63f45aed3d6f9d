"""Events out of the registry's database. They are written by ``telling``."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.adapters.webhook_tables import WEBHOOKS
from colonnade.registry.events.ports import Event, Page, Wanted
from colonnade.registry.events.webhook import State
from colonnade.storage.sql import Database, micros, moment_of


class SqlEventStore:
    """Implements ``events.ports.EventStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: Wanted, after: int, limit: int) -> Page:
        query = select(EVENTS).where(EVENTS.c.number > after, *_fits(wanted))
        query = query.order_by(EVENTS.c.number).limit(limit)
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).all()
            last = await connection.scalar(select(func.max(EVENTS.c.number)))
        return Page([_event(row) for row in found], last or 0, len(found) == limit)

    async def last(self) -> int:
        async with self._database.reading() as connection:
            return await connection.scalar(select(func.max(EVENTS.c.number))) or 0

    async def span(self) -> tuple[int, int]:
        async with self._database.reading() as connection:
            return await span_of(connection)

    async def forget(self, before: datetime, limit: int) -> int:
        async def work(connection: AsyncConnection) -> int:
            _, last = await span_of(connection)
            active = (await connection.execute(_ACTIVE)).all()
            waiting = [
                await _first_untold(connection, each.delivered, each.models, each.kinds) for each in active
            ]
            kept_from = min([last, *filter(None, waiting)])
            old = select(EVENTS.c.number).where(EVENTS.c.number < kept_from).order_by(EVENTS.c.number)
            oldest = list(await connection.scalars(old.where(EVENTS.c.at < micros(before)).limit(limit)))
            await connection.execute(delete(EVENTS).where(EVENTS.c.number.in_(oldest)))
            return len(oldest)

        return await self._database.write(work)


_ACTIVE = select(WEBHOOKS.c.delivered, WEBHOOKS.c.models, WEBHOOKS.c.kinds).where(
    WEBHOOKS.c.state == State.ACTIVE.value
)


async def span_of(connection: AsyncConnection) -> tuple[int, int]:
    """The oldest number and the newest; 0 where nothing happened yet."""
    numbers = select(func.min(EVENTS.c.number), func.max(EVENTS.c.number))
    first, last = (await connection.execute(numbers)).one()
    return first or 0, last or 0


async def _first_untold(connection: AsyncConnection, delivered: int, models: str, kinds: str) -> int | None:
    """Of a webhook, as its row has it."""
    wanted = Wanted(tuple(json.loads(models)), tuple(json.loads(kinds)))
    untold = select(EVENTS.c.number).where(EVENTS.c.number > delivered, *_fits(wanted))
    return await connection.scalar(untold.order_by(EVENTS.c.number).limit(1))


def _fits(wanted: Wanted) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.models:
        fits.append(EVENTS.c.model.in_(wanted.models))
    if wanted.kinds:
        of_nouns = [EVENTS.c.kind.startswith(noun, autoescape=True) for noun in wanted.nouns]
        fits.append(or_(EVENTS.c.kind.in_(wanted.kinds), *of_nouns))
    return fits


def _event(row: Row[Any]) -> Event:
    facts = {name: _text(value) for name, value in json.loads(row.facts).items()}
    return Event(
        row.number, moment_of(row.at), row.kind, row.tenant, row.model, row.version, row.alias, row.by, facts
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
