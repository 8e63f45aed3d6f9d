"""Documents in the memory service's database; their text in slices: no more is read than was asked for."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from colonnade.errors import NotFound
from colonnade.memory.adapters import sql_words
from colonnade.memory.adapters.rows import document_of, document_row, documents, within
from colonnade.memory.adapters.sql_erasing import erase
from colonnade.memory.adapters.sql_memories import insert_all, made_with
from colonnade.memory.adapters.tables import DOCUMENTS, MEMORIES, SLICE, TEXTS
from colonnade.memory.domain.documents import Document, Read
from colonnade.memory.domain.memories import Memory
from colonnade.memory.domain.scope import Scope
from colonnade.security.inputs.once import Once
from colonnade.storage.sql import Database


class SqlDocuments:
    """The part of ``ports.MemoryStore`` that is about documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_document(
        self, document: Document, text: Read, chunks: Sequence[Memory], once: Once | None
    ) -> Document:
        is_sqlite = self._database.is_sqlite
        prepared = await asyncio.to_thread(sql_words.rows_of_words, chunks, is_sqlite=is_sqlite)

        async def work(connection: AsyncConnection) -> Document:
            if once and (known := await made_with(connection, DOCUMENTS, once)):
                return await _found(connection, [known[0]], known[1])
            await connection.execute(insert(DOCUMENTS).values(**document_row(document, once)))
            await _keep_text(connection, document, text.text)
            await insert_all(connection, chunks, prepared, None)
            return await _found(connection, [document.scope], document.id)

        return await self._database.write(work)

    async def find_document(self, scopes: Sequence[Scope], document_id: str) -> Document:
        async with self._database.reading() as connection:
            return await _found(connection, scopes, document_id)

    async def text_of(self, scopes: Sequence[Scope], document_id: str, start: int, end: int) -> str:
        start = max(0, start)
        first = start // SLICE
        of_it = and_(within(TEXTS, scopes), TEXTS.c.document == document_id)
        asked = TEXTS.c.number.between(first, (end - 1) // SLICE)
        query = select(TEXTS.c.text).where(of_it, asked).order_by(TEXTS.c.number)
        async with self._database.reading() as connection:
            await _found(connection, scopes, document_id)
            if end <= start:
                return ""
            text = "".join(await connection.scalars(query))
        return text[start - first * SLICE : end - first * SLICE]

    async def documents(self, scopes: Sequence[Scope], *, before: str, limit: int) -> Sequence[Document]:
        query = documents().where(within(DOCUMENTS, scopes)).order_by(DOCUMENTS.c.id.desc()).limit(limit)
        if before:
            query = query.where(DOCUMENTS.c.id < before)
        async with self._database.reading() as connection:
            return [document_of(row) for row in await connection.execute(query)]

    async def delete_document(self, scope: Scope, document_id: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            await erase(connection, scope, [MEMORIES.c.document == document_id])
            mine = and_(within(DOCUMENTS, [scope]), DOCUMENTS.c.id == document_id)
            return bool((await connection.execute(delete(DOCUMENTS).where(mine))).rowcount)

        return await self._database.write(work) if document_id else False


async def _found(connection: AsyncConnection, scopes: Sequence[Scope], document_id: str) -> Document:
    mine = and_(within(DOCUMENTS, scopes), DOCUMENTS.c.id == document_id)
    row = (await connection.execute(documents().where(mine))).first()
    if row is None:
        raise NotFound(f"there is no document {document_id}", field="id")
    return document_of(row)


async def _keep_text(connection: AsyncConnection, document: Document, text: str) -> None:
    whose = {
        "tenant": document.scope.tenant,
        "subject": document.scope.subject,
        "document": document.id,
    }
    slices = (text[start : start + SLICE] for start in range(0, len(text), SLICE))
    rows = [{**whose, "number": number, "text": part} for number, part in enumerate(slices)]
    if rows:
        await connection.execute(insert(TEXTS), rows)
