"""Files and batches in memory; they pass the same tests as those in SQL and in a folder."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from colonnade.errors import Conflict, InvalidArgument, NotFound, TooLarge
from colonnade.gateway.domain.batches import Batch, LeaseLost, LineResult
from colonnade.gateway.domain.files import FileRecord, PageQuery

_Kept = TypeVar("_Kept", FileRecord, Batch)
_NEVER = datetime.fromtimestamp(0, UTC)


class MemoryContents:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def write(self, file_id: str, chunks: AsyncIterator[bytes], most_bytes: int) -> tuple[int, str]:
        content = b""
        async for chunk in chunks:
            content += chunk
            if len(content) > most_bytes:
                raise TooLarge("too large", field="file", limit=most_bytes)
        self.files[file_id] = content
        return len(content), hashlib.sha256(content).hexdigest()

    async def read(self, file_id: str) -> AsyncGenerator[bytes, None]:
        if file_id not in self.files:
            raise NotFound(f"the contents of {file_id} are not here", field="file_id")
        yield self.files[file_id]

    async def lines(self, file_id: str, most_bytes: int) -> AsyncGenerator[Sequence[tuple[int, bytes]], None]:
        async for content in self.read(file_id):
            lines = content.splitlines(keepends=True)
            yield [
                (at, line if len(line.rstrip(b"\n")) <= most_bytes else line[: most_bytes + 1])
                for at, line in enumerate(lines, 1)
            ]

    async def delete(self, file_id: str) -> None:
        self.files.pop(file_id, None)

    async def stale(self, seconds: float) -> Sequence[str]:
        return list(self.files)


class MemoryFileStore:
    def __init__(self) -> None:
        self.records: dict[str, FileRecord] = {}
        self.readers: Callable[[str], Batch | None] = lambda file_id: None

    async def add(self, record: FileRecord, most_bytes: int) -> None:
        mine = [each for each in self.records.values() if each.tenant == record.tenant]
        if sum(each.size_bytes for each in mine) + record.size_bytes > most_bytes:
            raise TooLarge("too much", field="file", limit=most_bytes)
        if record.idempotency_key and await self.find_idempotent(record.tenant, record.idempotency_key):
            raise Conflict("used before", field="idempotency-key")
        self.records[record.id] = record

    async def find(self, tenant: str, file_id: str) -> FileRecord | None:
        found = self.records.get(file_id)
        return found if found and found.tenant == tenant else None

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> FileRecord | None:
        wanted = (tenant, idempotency_key)
        return next(
            (each for each in self.records.values() if (each.tenant, each.idempotency_key) == wanted), None
        )

    async def page(self, tenant: str, query: PageQuery) -> Sequence[FileRecord]:
        mine = [each for each in self.records.values() if each.tenant == tenant]
        wanted = [each for each in mine if query.purpose in (None, each.purpose)]
        return _page(mine, wanted, query)

    async def remove(self, tenant: str, file_id: str) -> bool:
        if await self.find(tenant, file_id) is None:
            return False
        if (batch := self.readers(file_id)) is not None:
            raise Conflict(f"{batch.id} reads the file", field="file_id")
        del self.records[file_id]
        return True

    async def unknown(self, file_ids: Sequence[str]) -> Sequence[str]:
        return sorted(set(file_ids) - set(self.records))


class MemoryBatchStore:
    def __init__(self, files: MemoryFileStore) -> None:
        self._files = files
        self._batches: dict[str, Batch] = {}
        self._leases: dict[str, tuple[str, datetime]] = {}
        self._results: dict[str, dict[int, LineResult]] = {}
        files.readers = self._reader

    async def add(self, batch: Batch) -> None:
        if await self._files.find(batch.tenant, batch.input_file_id) is None:
            raise NotFound("there is no such file", field="input_file_id")
        if batch.idempotency_key and await self.find_idempotent(batch.tenant, batch.idempotency_key):
            raise Conflict("used before", field="idempotency-key")
        self._batches[batch.id] = batch
        self._results[batch.id] = {}

    async def find(self, tenant: str, batch_id: str) -> Batch | None:
        found = self._batches.get(batch_id)
        return found if found and found.tenant == tenant else None

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> Batch | None:
        wanted = (tenant, idempotency_key)
        return next(
            (each for each in self._batches.values() if (each.tenant, each.idempotency_key) == wanted), None
        )

    async def page(self, tenant: str, query: PageQuery) -> Sequence[Batch]:
        mine = [each for each in self._batches.values() if each.tenant == tenant]
        return _page(mine, mine, query)

    async def change(self, batch_id: str, update: Callable[[Batch], Batch], holder: str = "") -> Batch:
        self._batches[batch_id] = update(self._held(batch_id, holder))
        return self._batches[batch_id]

    async def claim(self, holder: str, now: datetime, until: datetime) -> Batch | None:
        free = [
            each
            for each in self._batches.values()
            if not each.finished and self._leases.get(each.id, ("", _NEVER))[1] <= now
        ]
        if not free:
            return None
        oldest = min(free, key=lambda each: (each.created_at, each.id))
        self._leases[oldest.id] = (holder, until)
        return oldest

    async def renew(self, batch_id: str, holder: str, until: datetime) -> Batch:
        batch = self._held(batch_id, holder)
        self._leases[batch_id] = (holder, until)
        return batch

    async def release(self, batch_id: str, holder: str) -> None:
        if self._leases.get(batch_id, ("", _NEVER))[0] == holder:
            del self._leases[batch_id]

    async def record(self, batch_id: str, holder: str, result: LineResult) -> Batch:
        assert result.line not in self._results[batch_id], "a line has one result"
        batch = self._batches[batch_id] = self._held(batch_id, holder).counted(result)
        self._results[batch_id][result.line] = result
        return batch

    async def done(self, batch_id: str) -> frozenset[int]:
        return frozenset(self._results[batch_id])

    async def results(self, batch_id: str, after: int, limit: int) -> Sequence[LineResult]:
        return [each for at, each in sorted(self._results[batch_id].items()) if at > after][:limit]

    async def finish(
        self, batch_id: str, holder: str, update: Callable[[Batch], Batch], files: Sequence[FileRecord]
    ) -> Batch:
        batch = await self.change(batch_id, update, holder)
        self._files.records |= {record.id: record for record in files}
        self._results[batch_id] = {}
        return batch

    def _held(self, batch_id: str, holder: str) -> Batch:
        if batch_id not in self._batches:
            raise NotFound(f"there is no batch {batch_id}", field="batch_id")
        if holder and self._leases.get(batch_id, ("", _NEVER))[0] != holder:
            raise LeaseLost(f"another gateway works on {batch_id}")
        return self._batches[batch_id]

    def _reader(self, file_id: str) -> Batch | None:
        found = (each for each in self._batches.values() if each.input_file_id == file_id)
        return next((each for each in found if not each.finished), None)


def _page(mine: Sequence[_Kept], wanted: Sequence[_Kept], query: PageQuery) -> list[_Kept]:
    def place(each: _Kept) -> tuple[datetime, str]:
        return each.created_at, each.id

    listed = sorted(wanted, key=place, reverse=query.newest_first)
    if query.after:
        last = next((place(each) for each in mine if each.id == query.after), None)
        if last is None:
            raise InvalidArgument("after must be an id that the list has", field="after")
        listed = [
            each for each in listed if (place(each) < last) is query.newest_first and place(each) != last
        ]
    return listed[: query.limit + 1]
