"""Events out of the registry's database. They are written by ``telling``."""

import json
from typing import Any

from sqlalchemy import Row, func, or_, select

from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.events.ports import Event, Page, Wanted
from colonnade.storage.sql import Database, moment_of


class SqlEventStore:
    """Implements ``events.ports.EventStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: Wanted, after: int, limit: int) -> Page:
        query = select(EVENTS).where(EVENTS.c.number > after).order_by(EVENTS.c.number).limit(limit)
        if wanted.models:
            query = query.where(EVENTS.c.model.in_(wanted.models))
        if wanted.kinds:
            of_nouns = [EVENTS.c.kind.startswith(noun, autoescape=True) for noun in wanted.nouns]
            query = query.where(or_(EVENTS.c.kind.in_(wanted.kinds), *of_nouns))
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).all()
            last = await connection.scalar(select(func.max(EVENTS.c.number)))
        return Page([_event(row) for row in found], last or 0, len(found) == limit)

    async def last(self) -> int:
        async with self._database.reading() as connection:
            return await connection.scalar(select(func.max(EVENTS.c.number))) or 0


def _event(row: Row[Any]) -> Event:
    facts = {name: _text(value) for name, value in json.loads(row.facts).items()}
    return Event(
        row.number, moment_of(row.at), row.kind, row.tenant, row.model, row.version, row.alias, row.by, facts
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
