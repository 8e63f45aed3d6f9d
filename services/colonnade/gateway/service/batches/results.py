"""What a batch leaves: the file of answers, and the file of what got none."""

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from typing import Any

from colonnade.gateway.domain.batches import Batch, LineResult
from colonnade.gateway.domain.files import FileRecord, Purpose
from colonnade.gateway.ports import BatchStore, FileContents

_PAGE = 50
_CHUNK = 256 * 1024
_BREAKS = {ord(each): f"\\u{ord(each):04x}" for each in "\x85\u2028\u2029"}
"""JSON leaves these as they are within a text, and many readers take them for the end of a line."""
_UNBOUNDED = 2**63 - 1
"""What was paid for is kept, however much it is."""
_WINDOW_OVER = {
    "code": "batch_expired",
    "message": "This request could not be executed before the completion window expired.",
}


class Results:
    """Written again from the start where a gateway dies over it, to the same names."""

    def __init__(self, store: BatchStore, contents: FileContents, now: Callable[[], datetime]) -> None:
        self._store = store
        self._contents = contents
        self._now = now

    async def written(
        self, batch: Batch, unrun: AsyncIterator[tuple[int, str]] | None = None
    ) -> tuple[FileRecord | None, FileRecord | None]:
        """The files of answers and of errors; None for one that would be empty.

        ``unrun`` are number and custom id of the lines that the window was too short for."""
        output = await self._file(batch, "output", self._lines(batch, ok=True))
        errors = await self._file(batch, "error", self._errors(batch, unrun))
        return output, errors

    async def _errors(
        self, batch: Batch, unrun: AsyncIterator[tuple[int, str]] | None
    ) -> AsyncGenerator[bytes, None]:
        async for line in self._lines(batch, ok=False):
            yield line
        if unrun is not None:
            async for number, custom_id in unrun:
                yield _written(batch, number, custom_id, None, _WINDOW_OVER)

    async def _lines(self, batch: Batch, *, ok: bool) -> AsyncGenerator[bytes, None]:
        last = 0
        while page := await self._store.results(batch.id, last, _PAGE):
            last = page[-1].line
            for result in page:
                if result.ok is ok:
                    yield _written(batch, result.line, result.custom_id, _response(result), None)

    async def _file(self, batch: Batch, kind: str, lines: AsyncGenerator[bytes, None]) -> FileRecord | None:
        first = await anext(lines, None)
        if first is None:
            return None
        file_id = f"file-{hashlib.sha256(f'{batch.id}:{kind}'.encode()).hexdigest()[:32]}"
        size, digest = await self._contents.write(file_id, _packed(first, lines), _UNBOUNDED)
        return FileRecord(
            id=file_id,
            tenant=batch.tenant,
            subject=batch.subject,
            key_id=batch.key_id,
            filename=f"{batch.id}_{kind}.jsonl",
            purpose=Purpose.BATCH_OUTPUT,
            size_bytes=size,
            digest=digest,
            created_at=self._now(),
        )


async def _packed(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Many lines at once: each chunk is a trip to the disk."""
    pending = bytearray(first)
    async for line in rest:
        pending += line
        if len(pending) >= _CHUNK:
            yield bytes(pending)
            pending.clear()
    yield bytes(pending)


def _response(result: LineResult) -> dict[str, Any]:
    body = json.loads(result.body)
    return {"status_code": result.status_code, "request_id": result.request_id, "body": body}


def _written(
    batch: Batch,
    number: int,
    custom_id: str,
    response: dict[str, Any] | None,
    error: dict[str, str] | None,
) -> bytes:
    line = {
        "id": f"batch_req_{batch.id.removeprefix('batch_')}_{number}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }
    return json.dumps(line, ensure_ascii=False).translate(_BREAKS).encode() + b"\n"
