"""How a draft becomes a version: within the transaction that registers it."""

from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Conflict
from colonnade.registry.adapters.draft_tables import DRAFT_FILES, DRAFTS
from colonnade.registry.adapters.telling import tell
from colonnade.registry.domain import Draft
from colonnade.registry.drafts.draft import State
from colonnade.storage.sql import micros


async def check_reserved(connection: AsyncConnection, draft: Draft, number: int) -> None:
    """``Conflict`` unless the draft of that number is being imported."""
    this = and_(DRAFTS.c.model == draft.name, DRAFTS.c.number == number)
    if await connection.scalar(select(DRAFTS.c.state).where(this)) != State.IMPORTING:
        raise Conflict(f"the draft {draft.name}:{number} was ended meanwhile", field="number")


async def end_draft(connection: AsyncConnection, draft: Draft, number: int, version: int) -> None:
    this = and_(DRAFTS.c.model == draft.name, DRAFTS.c.number == number)
    ended = {"state": State.READY.value, "message": "", "version": version, "importer": ""}
    await connection.execute(update(DRAFTS).where(this).values(**ended, updated_at=micros(draft.created_at)))
    await forget_files(connection, draft.name, number)
    await tell(
        connection, "draft.ready", model=draft.name, version=version,
        by=draft.created_by, at=draft.created_at, number=number,
    )  # fmt: skip


async def forget_files(connection: AsyncConnection, model: str, number: int) -> None:
    of_draft = and_(DRAFT_FILES.c.model == model, DRAFT_FILES.c.number == number)
    await connection.execute(delete(DRAFT_FILES).where(of_draft))
