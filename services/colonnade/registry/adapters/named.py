"""Every table whose rows are about a model: they follow its name, and go when it goes.

A table that is not here keeps what it says of models that are renamed or deleted, as events do.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.registry.adapters.catalogue_tables import CARDS, METRICS, MODEL_KEYS, MODEL_TAGS, VERSION_TAGS
from colonnade.registry.adapters.draft_tables import DRAFT_FILES, DRAFTS
from colonnade.registry.adapters.evaluation_tables import EVALUATIONS
from colonnade.registry.adapters.rollout_tables import ROLLOUT_EVENTS, ROLLOUT_REPORTS, ROLLOUTS
from colonnade.registry.adapters.seal_tables import SEALS
from colonnade.registry.adapters.tables import IMPORTS


@dataclass(frozen=True, slots=True)
class Named:
    """``model`` and ``version`` are columns; rows of a table with a version go with that version."""

    table: Table
    model: str = "model"
    version: str = ""
    stays: bool = False
    """Whether its rows follow a new name, and stay where the model goes."""


NAMED: tuple[Named, ...] = (
    Named(MODEL_TAGS),
    Named(MODEL_KEYS),
    Named(VERSION_TAGS, version="version"),
    Named(CARDS, version="version"),
    Named(METRICS, version="version"),
    Named(IMPORTS, version="version"),
    Named(EVALUATIONS, version="version"),
    Named(SEALS, version="version"),
    Named(ROLLOUTS),
    Named(DRAFT_FILES, stays=True),
    Named(DRAFTS, stays=True),
)
"""Whoever adds a table that names models adds it here: what refers to another table before that one."""

PARTS: tuple[tuple[Table, str, Table, str], ...] = (
    (ROLLOUT_EVENTS, "rollout", ROLLOUTS, "id"),
    (ROLLOUT_REPORTS, "rollout", ROLLOUTS, "id"),
)
"""Tables whose rows belong to rows of one above: their column, that table, its column. They go first."""


async def _rename_in_rollouts(connection: AsyncConnection, old: str, new: str) -> None:
    """Their documents say it too."""
    found = await connection.execute(select(ROLLOUTS.c.id, ROLLOUTS.c.rollout).where(ROLLOUTS.c.model == new))
    for row in found.all():
        document = json.dumps(json.loads(row.rollout) | {"model": new})
        await connection.execute(update(ROLLOUTS).where(ROLLOUTS.c.id == row.id).values(rollout=document))


AT_RENAMING: tuple[Callable[[AsyncConnection, str, str], Awaitable[None]], ...] = (_rename_in_rollouts,)
"""What else a new name changes, once the rows above have it: called with the connection, old and new name."""
