"""Documents: read, cut into pieces that are found, shown, deleted."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from colonnade.errors import InvalidArgument, Overloaded, TooLarge, Unsupported
from colonnade.memory import metrics
from colonnade.memory.domain.documents import MEDIA_TYPES, Document, Piece
from colonnade.memory.domain.ids import document_id, memory_id, utc_now
from colonnade.memory.domain.memories import Kind, Memory, Source, Tier
from colonnade.memory.ports import Clock, MemoryStore, Reader
from colonnade.memory.service.callers import check_id, check_may_share, check_room, page_of, scope_of
from colonnade.memory.service.notices import Notices
from colonnade.memory.service.remembering import MOST
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs.once import Once
from colonnade.security.inputs.sizes import MIB, human

SHOWN, MAX_SHOWN = 10_000, 1_000_000
_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class NewDocument:
    name: str
    media_type: str
    shared: bool = False
    """The tenant's, not the subject's alone."""


@dataclass(frozen=True, slots=True)
class Part:
    """A document, and its text from ``start`` on, in characters."""

    document: Document
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Bounds:
    content_bytes: int = 20 * MIB
    """Of a document as it comes."""
    at_once: int = 4
    """Documents that come at the same time; each is held in memory until it is kept."""
    memories: int = MOST
    """Of one subject, pieces of documents among them."""


class Documents:
    def __init__(
        self,
        store: MemoryStore,
        reader: Reader,
        trail: Trail,
        notices: Notices,
        *,
        bounds: Bounds = Bounds(),
        clock: Clock = utc_now,
    ) -> None:
        self._store, self._reader, self._trail, self._notices = store, reader, trail, notices
        self._bounds, self._clock, self._coming = bounds, clock, 0

    async def add(
        self, new: NewDocument, content: AsyncIterable[bytes], principal: Principal, key: str = ""
    ) -> Document:
        """Kept with all its pieces when it returns, else nothing of it; under a known key, what was made with
        it.

        Its pieces are found by their words at once, and by their meaning as soon as they are embedded."""
        if new.shared:
            check_may_share(principal)
        scope = scope_of(principal).shared if new.shared else scope_of(principal)
        media_type = _known(new.media_type)
        facts = {"media_type": media_type, "shared": new.shared}
        async with (
            self._room(),
            privileged(self._trail, "memory.document.add", principal, acknowledge=True, **facts) as learnt,
        ):
            data = await self._received(content)
            owner, digest = f"{principal.tenant}/{principal.subject}", await asyncio.to_thread(_digest, data)
            once = Once.of(owner, key, "document", new.name, media_type, str(new.shared), digest)
            now = self._clock()
            read = await self._reader.read(data, media_type)
            pieces = await asyncio.to_thread(self._reader.pieces, read, media_type)
            check_room(await self._store.count(scope), len(pieces), self._bounds.memories)
            document = Document(
                id=document_id(now), scope=scope, name=new.name, media_type=media_type, bytes=len(data),
                digest=digest, characters=len(read.text), pages=len(read.pages), chunks=len(pieces),
                created_at=now,
            )  # fmt: skip
            del data
            chunks = await asyncio.to_thread(_chunks, document, pieces, now)
            kept = await self._store.add_document(document, read, chunks, once)
            learnt.update(document=kept.id, bytes=kept.bytes, chunks=kept.chunks)
        if kept.id == document.id:
            metrics.DOCUMENTS.inc()
            metrics.REMEMBERED.labels(Kind.CHUNK.value).inc(kept.chunks)
            self._notices.added()
        return kept

    async def page(
        self, principal: Principal, *, limit: int = 0, page: str = ""
    ) -> tuple[Sequence[Document], str]:
        """Newest first, and the token of the next page, if there is one."""
        size = page_of(limit, page)
        found = await self._store.documents(scope_of(principal).seen, before=page, limit=size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def get(self, document_id: str, principal: Principal, *, start: int = 0, end: int = 0) -> Part:
        """With its text from ``start`` to ``end``, 0: ten thousand characters on."""
        check_id(document_id)
        end = end or start + SHOWN
        if not 0 <= start <= end:
            raise InvalidArgument("start must be 0 or more, and end not before it", field="start")
        if end - start > MAX_SHOWN:
            raise InvalidArgument(
                f"end must be at most {MAX_SHOWN} characters after start", field="end", limit=MAX_SHOWN
            )
        scopes = scope_of(principal).seen
        document = await self._store.find_document(scopes, document_id)
        start, end = min(start, document.characters), min(end, document.characters)
        text = await self._store.text_of(scopes, document_id, start, end) if start < end else ""
        return Part(document, text, start)

    async def delete(self, document_id: str, principal: Principal) -> None:
        """With its pieces. ``NotFound``."""
        check_id(document_id)
        document = await self._store.find_document(scope_of(principal).seen, document_id)
        if not document.scope.subject:
            check_may_share(principal)
        facts = {"document": document.id, "chunks": document.chunks}
        async with privileged(self._trail, "memory.document.delete", principal, acknowledge=True, **facts):
            gone = await self._store.delete_document(document.scope, document.id)
        if gone:
            metrics.FORGOTTEN.labels("document").inc(document.chunks)
            self._notices.removed(document.scope)

    async def _received(self, content: AsyncIterable[bytes]) -> bytes:
        """``TooLarge`` as soon as it is."""
        data, most = bytearray(), self._bounds.content_bytes
        async for piece in content:
            if len(data) + len(piece) > most:
                raise TooLarge(
                    f"content has more than {most} bytes ({human(most)}), the most that a document may have "
                    "(COLONNADE_MEMORY_DOCUMENT_BYTES)",
                    field="content",
                    limit=most,
                )
            data += piece
        if not data:
            raise InvalidArgument("content must not be empty", field="content")
        return bytes(data)

    @asynccontextmanager
    async def _room(self) -> AsyncIterator[None]:
        most = self._bounds.at_once
        if self._coming >= most:
            raise Overloaded(
                f"{most} documents come in already (COLONNADE_MEMORY_DOCUMENTS_AT_ONCE); try again soon",
                limit=most,
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1


def _chunks(document: Document, pieces: Sequence[Piece], at: datetime) -> list[Memory]:
    return [
        Memory(
            id=memory_id(at, place),
            scope=document.scope,
            kind=Kind.CHUNK,
            tier=Tier.LONG,
            text=piece.text,
            happened_at=at,
            created_at=at,
            source=Source(document.id, document.name, piece.start, piece.end, piece.page),
        )
        for place, piece in enumerate(pieces)
    ]


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _known(media_type: str) -> str:
    """Without its parameters. ``Unsupported``."""
    bare = media_type.partition(";")[0].strip().lower()
    if bare not in MEDIA_TYPES:
        raise Unsupported(
            f"documents are {', '.join(MEDIA_TYPES)}", field="media_type", supported=list(MEDIA_TYPES)
        )
    return bare
