"""Which blobs something names. Whatever names blobs has its line here, and claims them before it does."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import Unavailable
from colonnade.registry.adapters.draft_tables import DRAFT_FILES
from colonnade.registry.adapters.tables import ARTEFACTS, VERSIONS
from colonnade.registry.adapters.upkeep_tables import CLAIMS, MARKS, WRITERS

_RETRY_AFTER_SECONDS = 1


def named() -> Sequence[tuple[Select[str], ColumnElement[str]]]:
    """Queries for the digests of blobs, each with its column of them."""
    of_a_version = exists().where(VERSIONS.c.content == ARTEFACTS.c.content)
    return [
        (select(ARTEFACTS.c.digest).where(of_a_version), ARTEFACTS.c.digest),
        (select(DRAFT_FILES.c.digest).where(DRAFT_FILES.c.held == 1), DRAFT_FILES.c.digest),
    ]


async def all_named(connection: AsyncConnection) -> set[str]:
    return {digest for query, _ in named() for digest in (await connection.scalars(query))}


async def named_among(connection: AsyncConnection, digests: Collection[str]) -> set[str]:
    found: set[str] = set()
    for query, column in named():
        found.update(await connection.scalars(query.where(column.in_(digests))))
    return found


async def claimed_among(connection: AsyncConnection, digests: Collection[str]) -> set[str]:
    return set(await connection.scalars(select(CLAIMS.c.digest).where(CLAIMS.c.digest.in_(digests))))


async def check_claimed(connection: AsyncConnection, writer: str, digests: Collection[str]) -> None:
    """Before what names them is committed; ``Unavailable`` where a blob may be gone by now.

    Without a writer only what is being removed is refused: whoever names blobs that others may stop naming
    meanwhile has to claim them."""
    if writer:
        mine = CLAIMS.c.writer == writer
        query = (
            select(func.count()).select_from(CLAIMS.join(WRITERS)).where(mine, CLAIMS.c.digest.in_(digests))
        )
        lost = await connection.scalar(query) != len(set(digests))
    else:
        removing = MARKS.c.digest.in_(digests) & (MARKS.c.removing != "")
        lost = await connection.scalar(select(MARKS.c.digest).where(removing).limit(1)) is not None
    if lost:
        raise Unavailable(
            "this took so long that its files may have been collected; try again",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    await connection.execute(delete(MARKS).where(MARKS.c.digest.in_(digests), MARKS.c.removing == ""))
