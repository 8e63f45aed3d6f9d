"""Takes out of the registry's records what a person wrote: reasons, and idempotency keys."""

import json
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters.catalogue_tables import MODEL_KEYS, WITHDRAWN
from colonnade.registry.adapters.event_tables import EVENTS
from colonnade.registry.adapters.lineage_tables import LINEAGE_KEYS
from colonnade.registry.adapters.rollout_tables import ROLLOUT_EVENTS, ROLLOUTS
from colonnade.registry.adapters.tables import IMPORTS
from colonnade.storage.sql_erasing import names

_KEYS = (IMPORTS, LINEAGE_KEYS, MODEL_KEYS)
"""Which of their requests were carried out already: nobody asks for that any more."""


async def take_out(connection: AsyncConnection, by: str) -> None:
    """``by`` is ``tenant/subject``. Before the records get another name."""
    for table in _KEYS:
        await connection.execute(delete(table).where(table.c.owner == by))
    for table, column in ((ROLLOUT_EVENTS, "words"), (WITHDRAWN, "why")):
        await connection.execute(update(table).where(table.c.by == by).values({column: ""}))
    await _blank(connection, EVENTS.c.facts, "why", EVENTS.c.by, by)
    await _blank(connection, ROLLOUTS.c.rollout, "reason", ROLLOUTS.c.created_by, by)


async def _blank(connection: AsyncConnection, column: Any, fact: str, who: Any, by: str) -> None:
    """Of documents: where it is theirs, or names them, as what they did to others' does."""
    table, key = column.table, next(iter(column.table.primary_key.columns))
    spellings = {json.dumps(by, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    theirs = or_(who == by, *(column.contains(each, autoescape=True) for each in spellings))
    for row in (await connection.execute(select(key, column, who).where(theirs))).all():
        said = json.loads(row[1])
        if said.get(fact) and (row[2] == by or names(said[fact], by)):
            values = {column.name: json.dumps(said | {fact: ""}, sort_keys=True)}
            await connection.execute(update(table).where(key == row[0]).values(values))
