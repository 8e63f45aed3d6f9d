"""Between the domain and the memory service's rows, and what a filter is in SQL."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select
from sqlalchemy.sql.expression import FromClause

from colonnade.memory.adapters.tables import DOCUMENTS, MEMORIES
from colonnade.memory.adapters.vector_tables import VECTORS
from colonnade.memory.domain.documents import Document
from colonnade.memory.domain.memories import Kind, Memory, Source, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import micros, moment_of

_ONCE = {"owner", "idempotency_key", "fingerprint"}


def within(table: FromClause, scopes: Sequence[Scope]) -> ColumnElement[bool]:
    """Rows of those scopes alone; of none, where there are none."""
    mine = [and_(table.c.tenant == each.tenant, table.c.subject == each.subject) for each in scopes]
    return or_(False, *mine)


def asked_of(scopes: Sequence[Scope], wanted: Filter) -> list[Scope]:
    """Each once; without what a tenant shares, if that is not wanted."""
    return [each for each in dict.fromkeys(scopes) if each.subject or not wanted.own]


def passing(wanted: Filter) -> list[ColumnElement[bool]]:
    """Of ``MEMORIES``, but for whose they are. ``since`` is included, ``until`` is not."""
    found: list[ColumnElement[bool]] = []
    if wanted.kinds:
        found.append(MEMORIES.c.kind.in_(sorted(kind.value for kind in wanted.kinds)))
    if wanted.session:
        found.append(MEMORIES.c.session == wanted.session)
    if wanted.documents:
        found.append(MEMORIES.c.document.in_(sorted(wanted.documents)))
    if wanted.since is not None:
        found.append(MEMORIES.c.happened_at >= micros(wanted.since))
    if wanted.until is not None:
        found.append(MEMORIES.c.happened_at < micros(wanted.until))
    return found


def memories() -> Select[Any]:
    """All that ``memory_of`` needs."""
    vector = exists().where(
        VECTORS.c.tenant == MEMORIES.c.tenant,
        VECTORS.c.subject == MEMORIES.c.subject,
        VECTORS.c.memory == MEMORIES.c.id,
    )
    columns = [column for column in MEMORIES.c if column.name not in _ONCE]
    return select(*columns, vector.label("embedded"))


def memory_of(row: Row[Any]) -> Memory:
    return Memory(
        id=row.id,
        scope=Scope(row.tenant, row.subject),
        kind=Kind(row.kind),
        tier=Tier(row.tier),
        text=row.text,
        happened_at=moment_of(row.happened_at),
        created_at=moment_of(row.created_at),
        session=row.session,
        importance=row.importance,
        pinned=row.pinned,
        role=row.role,
        people=tuple(json.loads(row.people)),
        source=_source(row),
        made_of=tuple(json.loads(row.made_of)),
        uses=row.uses,
        used_at=None if row.used_at is None else moment_of(row.used_at),
        votes=row.votes,
        embedded=bool(row.embedded),
    )


def row_of(memory: Memory, once: Once | None = None) -> dict[str, Any]:
    source = memory.source or Source("", "", 0, 0)
    return changing(memory) | {
        **_whose(memory.scope),
        "id": memory.id,
        "kind": memory.kind.value,
        "session": memory.session,
        "text": memory.text,
        "created_at": micros(memory.created_at),
        "document": source.document,
        "document_name": source.name,
        "beginning": source.start,
        "ending": source.end,
        "page": source.page,
        **_asked(once),
    }


def changing(memory: Memory) -> dict[str, Any]:
    """The columns that may become others."""
    return {
        "tier": memory.tier.value,
        "happened_at": micros(memory.happened_at),
        "importance": memory.importance,
        "pinned": memory.pinned,
        "role": memory.role,
        "people": json.dumps(memory.people),
        "made_of": json.dumps(memory.made_of),
        "uses": memory.uses,
        "used_at": None if memory.used_at is None else micros(memory.used_at),
        "votes": memory.votes,
    }


def documents() -> Select[Any]:
    """All that ``document_of`` needs."""
    embedded = (
        select(func.count())
        .select_from(MEMORIES)
        .join(
            VECTORS,
            and_(
                VECTORS.c.tenant == MEMORIES.c.tenant,
                VECTORS.c.subject == MEMORIES.c.subject,
                VECTORS.c.memory == MEMORIES.c.id,
            ),
        )
        .where(
            MEMORIES.c.tenant == DOCUMENTS.c.tenant,
            MEMORIES.c.subject == DOCUMENTS.c.subject,
            MEMORIES.c.document == DOCUMENTS.c.id,
        )
        .scalar_subquery()
    )
    columns = [column for column in DOCUMENTS.c if column.name not in _ONCE]
    return select(*columns, embedded.label("embedded"))


def document_of(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        scope=Scope(row.tenant, row.subject),
        name=row.name,
        media_type=row.media_type,
        bytes=row.bytes,
        digest=row.digest,
        characters=row.characters,
        pages=row.pages,
        chunks=row.chunks,
        created_at=moment_of(row.created_at),
        embedded=row.embedded,
    )


def document_row(document: Document, once: Once | None) -> dict[str, Any]:
    return {
        **_whose(document.scope),
        "id": document.id,
        "name": document.name,
        "media_type": document.media_type,
        "bytes": document.bytes,
        "digest": document.digest,
        "characters": document.characters,
        "pages": document.pages,
        "chunks": document.chunks,
        "created_at": micros(document.created_at),
        **_asked(once),
    }


def _source(row: Row[Any]) -> Source | None:
    if not row.document:
        return None
    return Source(row.document, row.document_name, row.beginning, row.ending, row.page)


def _whose(scope: Scope) -> dict[str, str]:
    return {"tenant": scope.tenant, "subject": scope.subject}


def _asked(once: Once | None) -> dict[str, str]:
    return {
        "owner": once.owner if once else "",
        "idempotency_key": once.key if once else "",
        "fingerprint": once.fingerprint if once else "",
    }
