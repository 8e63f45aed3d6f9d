"""Both clients' ``files`` and ``batches``."""

import builtins
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colonnade.client import batch_calls as calls
from colonnade.client.batch_calls import CHAT, Batch, BatchLine, File
from colonnade.client.parsing import decoded

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade

POLL_SECONDS = 2.0


class SyncFiles:
    """Files that batches read, and what these leave."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def upload(self, file: str | Path | bytes, *, name: str | None = None) -> File:
        """A path, or the bytes themselves: a request a line."""
        return self._client._call(calls.upload(file, name))

    def list(self) -> list[File]:
        """Newest first."""
        return [decoded(File, each) for each in _all(self._client, "files")]

    def get(self, file_id: str) -> File:
        return self._client._call(calls.get_file(file_id))

    def content(self, file_id: str) -> bytes:
        return self._client._call(calls.content(file_id))

    def delete(self, file_id: str) -> None:
        """``Conflict`` while a batch reads it."""
        self._client._call(calls.delete_file(file_id))


class SyncBatches:
    """Many requests in one file, answered in the background."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def submit(
        self, file: str | Path | bytes, endpoint: str = CHAT, *, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """Uploads a file, a request to ``endpoint`` a line, and asks for it to be worked off."""
        uploaded = self._client.files.upload(file)
        return self.create(uploaded.id, endpoint, metadata=metadata)

    def create(
        self, file_id: str, endpoint: str = CHAT, *, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """The same for a file that was uploaded before."""
        return self._client._call(calls.create(file_id, endpoint, metadata))

    def list(self) -> list[Batch]:
        """Newest first."""
        return [calls.read_batch(200, each) for each in _all(self._client, "batches")]

    def get(self, batch_id: str) -> Batch:
        return self._client._call(calls.get_batch(batch_id))

    def cancel(self, batch_id: str) -> Batch:
        """Ends a batch; lines that have their answers keep them."""
        return self._client._call(calls.cancel(batch_id))

    def wait(
        self,
        batch_id: str,
        *,
        every: float = POLL_SECONDS,
        show: Callable[[Batch], None] | None = None,
    ) -> Batch:
        """The batch once it has ended; ``show`` gets it each time it is looked at."""
        while True:
            batch = self.get(batch_id)
            if show is not None:
                show(batch)
            if batch.ended:
                return batch
            self._client._sleep(every)

    def results(self, batch_id: str) -> builtins.list[BatchLine]:
        """What became of its lines: answers first, then what got none."""
        batch = self.get(batch_id)
        files = filter(None, (batch.output_file_id, batch.error_file_id))
        return [line for each in files for line in calls.lines_in(self._client.files.content(each))]


class AsyncFiles:
    """Files that batches read, and what these leave."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def upload(self, file: str | Path | bytes, *, name: str | None = None) -> File:
        """A path, or the bytes themselves: a request a line."""
        return await self._client._call(calls.upload(file, name))

    async def list(self) -> list[File]:
        """Newest first."""
        return [decoded(File, each) for each in await _all_async(self._client, "files")]

    async def get(self, file_id: str) -> File:
        return await self._client._call(calls.get_file(file_id))

    async def content(self, file_id: str) -> bytes:
        return await self._client._call(calls.content(file_id))

    async def delete(self, file_id: str) -> None:
        """``Conflict`` while a batch reads it."""
        await self._client._call(calls.delete_file(file_id))


class AsyncBatches:
    """Many requests in one file, answered in the background."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def submit(
        self, file: str | Path | bytes, endpoint: str = CHAT, *, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """Uploads a file, a request to ``endpoint`` a line, and asks for it to be worked off."""
        uploaded = await self._client.files.upload(file)
        return await self.create(uploaded.id, endpoint, metadata=metadata)

    async def create(
        self, file_id: str, endpoint: str = CHAT, *, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """The same for a file that was uploaded before."""
        return await self._client._call(calls.create(file_id, endpoint, metadata))

    async def list(self) -> list[Batch]:
        """Newest first."""
        return [calls.read_batch(200, each) for each in await _all_async(self._client, "batches")]

    async def get(self, batch_id: str) -> Batch:
        return await self._client._call(calls.get_batch(batch_id))

    async def cancel(self, batch_id: str) -> Batch:
        """Ends a batch; lines that have their answers keep them."""
        return await self._client._call(calls.cancel(batch_id))

    async def wait(
        self,
        batch_id: str,
        *,
        every: float = POLL_SECONDS,
        show: Callable[[Batch], None] | None = None,
    ) -> Batch:
        """The batch once it has ended; ``show`` gets it each time it is looked at."""
        while True:
            batch = await self.get(batch_id)
            if show is not None:
                show(batch)
            if batch.ended:
                return batch
            await self._client._sleep(every)

    async def results(self, batch_id: str) -> builtins.list[BatchLine]:
        """What became of its lines: answers first, then what got none."""
        batch = await self.get(batch_id)
        files = filter(None, (batch.output_file_id, batch.error_file_id))
        return [line for each in files for line in calls.lines_in(await self._client.files.content(each))]


def _all(client: "Colonnade", what: str) -> list[Any]:
    """Page after page."""
    page = client._call(calls.page_of(what, ""))
    found = [*page.data]
    while page.has_more:
        page = client._call(calls.page_of(what, page.last_id or ""))
        found += page.data
    return found


async def _all_async(client: "AsyncColonnade", what: str) -> list[Any]:
    page = await client._call(calls.page_of(what, ""))
    found = [*page.data]
    while page.has_more:
        page = await client._call(calls.page_of(what, page.last_id or ""))
        found += page.data
    return found
