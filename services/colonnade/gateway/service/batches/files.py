"""Files: uploaded, listed, read and deleted by their tenant."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Protocol

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.files import FileRecord, PageQuery, Purpose
from colonnade.gateway.ports import Audit, FileContents, FileStore
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.gateway.service.doorkeeper import utc_now
from colonnade.security.identity import Principal

_STALE_SECONDS = 3600.0
"""A file without a record that is older than this has lost its writer."""


class Incoming(Protocol):
    """A file on its way in. What it is called is known once its last chunk was read."""

    @property
    def filename(self) -> str: ...

    @property
    def purpose(self) -> Purpose: ...

    def chunks(self) -> AsyncIterator[bytes]: ...


class Files:
    def __init__(
        self,
        store: FileStore,
        contents: FileContents,
        audit: Audit,
        bounds: Bounds,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._contents = contents
        self._audit = audit
        self._bounds = bounds
        self._now = now

    async def upload(self, caller: Caller, incoming: Incoming, idempotency_key: str = "") -> FileRecord:
        """Keeps a file. The same content under the same idempotency key again is the file that there is."""
        file_id = f"file-{uuid.uuid4().hex}"
        size, digest = await self._contents.write(file_id, incoming.chunks(), self._bounds.file_bytes)
        try:
            record = self._record(caller.principal, file_id, incoming, size, digest, idempotency_key)
            if (known := await self._known(record)) is None:
                await self._store.add(record, self._bounds.tenant_bytes)
        except BaseException:
            await self._contents.delete(file_id)
            raise
        if known is not None:
            await self._contents.delete(file_id)
            return known
        self._note("files.create", caller, record)
        return record

    async def get(self, principal: Principal, file_id: str) -> FileRecord:
        found = await self._store.find(principal.tenant, file_id)
        if found is None:
            raise NotFound(f"there is no file {file_id}", field="file_id")
        return found

    async def page(self, principal: Principal, query: PageQuery) -> Sequence[FileRecord]:
        """One more than the limit, if there is one."""
        return await self._store.page(principal.tenant, query)

    async def content(self, principal: Principal, file_id: str) -> AsyncGenerator[bytes, None]:
        return self._contents.read((await self.get(principal, file_id)).id)

    async def delete(self, caller: Caller, file_id: str) -> None:
        """``Conflict`` while a batch reads it."""
        record = await self.get(caller.principal, file_id)
        if await self._store.remove(record.tenant, record.id):
            await self._contents.delete(record.id)
            self._note("files.delete", caller, record)

    async def sweep(self) -> None:
        """Removes contents whose writer died before they had a record."""
        stale = await self._contents.stale(_STALE_SECONDS)
        for file_id in await self._store.unknown(stale) if stale else ():
            await self._contents.delete(file_id)

    async def _known(self, record: FileRecord) -> FileRecord | None:
        if not record.idempotency_key:
            return None
        found = await self._store.find_idempotent(record.tenant, record.idempotency_key)
        if found is not None and found.digest != record.digest:
            raise Conflict(
                "this idempotency-key was used for a different file; use a new one", field="idempotency-key"
            )
        return found

    def _record(
        self, principal: Principal, file_id: str, incoming: Incoming, size: int, digest: str, key: str
    ) -> FileRecord:
        if not size:
            raise InvalidArgument("the file is empty; send at least one line", field="file", limit=1)
        return FileRecord(
            id=file_id,
            tenant=principal.tenant,
            subject=principal.subject,
            key_id=principal.key_id,
            filename=incoming.filename,
            purpose=incoming.purpose,
            size_bytes=size,
            digest=digest,
            created_at=self._now(),
            idempotency_key=key,
        )

    def _note(self, action: str, caller: Caller, record: FileRecord) -> None:
        facts = {"file_id": record.id, "bytes": record.size_bytes, "request_id": caller.request_id}
        self._audit.note(action, caller.principal, "ok", **facts)
