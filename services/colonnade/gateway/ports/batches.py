"""Files and batches."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.batches import Batch, LineResult
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.files import FileRecord, PageQuery


class FileContents(Protocol):
    """The bytes of files, by the files' ids. What it has returned from is kept."""

    async def write(self, file_id: str, chunks: AsyncIterator[bytes], most_bytes: int) -> tuple[int, str]:
        """All of it or nothing, in place of what was there; its size and its SHA-256 in hexadecimal.

        ``TooLarge`` where there are more than ``most_bytes``; what ``chunks`` raises."""

    def read(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """In chunks. ``NotFound`` at the first one where there is no such file."""

    def lines(self, file_id: str, most_bytes: int) -> AsyncGenerator[Sequence[tuple[int, bytes]], None]:
        """Its lines, numbered from 1, many at once; of one that is longer, ``most_bytes`` and one more."""

    async def delete(self, file_id: str) -> None: ...

    async def stale(self, seconds: float) -> Sequence[str]:
        """Files that were written so long ago; removes what writers that died left unfinished."""


class FileStore(Protocol):
    """What is known of files. What it has returned from is kept."""

    async def add(self, record: FileRecord, most_bytes: int) -> None:
        """``TooLarge`` where the tenant would have more than ``most_bytes``; ``Conflict`` where it has used
        the idempotency key before."""

    async def find(self, tenant: str, file_id: str) -> FileRecord | None: ...

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> FileRecord | None: ...

    async def page(self, tenant: str, query: PageQuery) -> Sequence[FileRecord]:
        """One more than the limit, if there is one."""

    async def remove(self, tenant: str, file_id: str) -> bool:
        """Whether there was one. ``Conflict`` while an unfinished batch reads it."""

    async def unknown(self, file_ids: Sequence[str]) -> Sequence[str]:
        """Those that there is no record of."""


class BatchStore(Protocol):
    """Batches, their lines' results, and who works on them. What it has returned from is kept."""

    async def add(self, batch: Batch) -> None:
        """``NotFound`` without the input file; ``Conflict`` where the idempotency key was used before."""

    async def find(self, tenant: str, batch_id: str) -> Batch | None: ...

    async def find_idempotent(self, tenant: str, idempotency_key: str) -> Batch | None: ...

    async def page(self, tenant: str, query: PageQuery) -> Sequence[Batch]:
        """One more than the limit, if there is one."""

    async def change(self, batch_id: str, update: Callable[[Batch], Batch], holder: str = "") -> Batch:
        """What ``update`` makes of the batch, in one transaction; ``LeaseLost`` where ``holder`` is given and
        has no lease."""

    async def claim(self, holder: str, now: datetime, until: datetime) -> Batch | None:
        """A lease on the oldest unfinished batch that nobody has one on."""

    async def renew(self, batch_id: str, holder: str, until: datetime) -> Batch:
        """The batch as it is. ``LeaseLost`` where another holder has it."""

    async def release(self, batch_id: str, holder: str) -> None:
        """Anyone may have it; nothing where another holder has it."""

    async def record(self, batch_id: str, holder: str, result: LineResult) -> Batch:
        """Keeps a line's result and counts it. ``LeaseLost`` where another holder has the batch."""

    async def done(self, batch_id: str) -> frozenset[int]:
        """The numbers of lines that have a result."""

    async def results(self, batch_id: str, after: int, limit: int) -> Sequence[LineResult]:
        """By line number, of lines after ``after``."""

    async def finish(
        self, batch_id: str, holder: str, update: Callable[[Batch], Batch], files: Sequence[FileRecord]
    ) -> Batch:
        """As ``change``; with it the files are there, and the results are in them alone."""


class Answers(Protocol):
    """The protocol that a batch's lines are written in."""

    async def answer(self, exchange: Exchange, endpoint: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON answer, as the endpoint gives it over HTTP."""

    def refusal(self, error: ColonnadeError, request_id: str) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON of what the endpoint answers where it refuses."""
