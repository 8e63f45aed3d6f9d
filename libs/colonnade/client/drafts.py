"""Both clients' ``drafts``."""

import builtins
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from colonnade.client import draft_calls as calls
from colonnade.client import exchange
from colonnade.client.draft_calls import Draft, DraftFile, FileToSend
from colonnade.client.results import ImportProgress, Version
from colonnade.client.streams import AsyncStream, Stream

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.pushing import Sent
    from colonnade.client.sync import Colonnade


class SyncDrafts:
    """Versions in the making, and the files of those that are made."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def begin(
        self,
        model: str,
        *,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
        source: str | None = None,
        idempotency_key: str | None = None,
    ) -> Draft:
        """Reserves the next number. With a ``source`` its import goes on by itself; ``get`` tells how far."""
        return self._client._call(calls.begin(model, alias, description, base, source, idempotency_key))

    def get(self, model: str, number: int) -> Draft:
        return self._client._call(calls.get(model, number))

    def list(self, model: str) -> list[Draft]:
        """Those that are neither ready nor discarded, newest first."""
        return self._client._call(calls.listed(model))

    def announce(self, model: str, number: int, files: Sequence[FileToSend]) -> builtins.list[DraftFile]:
        """What the platform has already is complete at once."""
        return [*self._client._call(calls.announce(model, number, files)).files]

    def write(self, model: str, number: int, path: str, offset: int, piece: bytes) -> DraftFile:
        """Appends. ``Conflict`` where the platform is elsewhere; its details have the right ``offset``."""
        return self._client._call(calls.write(model, number, path, offset, piece))

    def seal(self, model: str, number: int) -> "Stream[ImportProgress, Version]":
        """Makes the version; iterate for progress, or ``wait``."""
        return Stream(self._client, calls.seal(model, number))

    def discard(self, model: str, number: int) -> None:
        self._client._call(calls.discard(model, number))

    def push(
        self,
        source: str | Path,
        model: str,
        *,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
        show: "Callable[[Sent], None] | None" = None,
    ) -> Draft:
        """Sends a Hugging Face folder or a ``.gguf`` file of this machine, what is not there. Then ``seal``.

        Broken connections are taken up, and so is a push that was stopped: call it again, alike."""
        from colonnade.client.pushing import pushed

        return pushed(self, source, model, alias, description, base, show, self._client._sleep)

    def read(self, name: str, version: int, path: str, *, start: int = 0) -> Iterator[bytes]:
        """A version's file as it is stored, from ``start`` on, in pieces."""
        request_id = exchange.new_request_id()
        response = self._client._send(calls.read(name, version, path, start), request_id, stream=True)
        with closing(response):
            exchange.check_part(response, start)
            try:
                yield from response.iter_bytes()
            except httpx.HTTPError as error:
                raise exchange.failure(error, self._client.configuration, request_id) from None


class AsyncDrafts:
    """Versions in the making, and the files of those that are made."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def begin(
        self,
        model: str,
        *,
        alias: str | None = None,
        description: str | None = None,
        base: str | None = None,
        source: str | None = None,
        idempotency_key: str | None = None,
    ) -> Draft:
        """Reserves the next number. With a ``source`` its import goes on by itself; ``get`` tells how far."""
        return await self._client._call(calls.begin(model, alias, description, base, source, idempotency_key))

    async def get(self, model: str, number: int) -> Draft:
        return await self._client._call(calls.get(model, number))

    async def list(self, model: str) -> list[Draft]:
        """Those that are neither ready nor discarded, newest first."""
        return await self._client._call(calls.listed(model))

    async def announce(
        self, model: str, number: int, files: Sequence[FileToSend]
    ) -> builtins.list[DraftFile]:
        """What the platform has already is complete at once."""
        return [*(await self._client._call(calls.announce(model, number, files))).files]

    async def write(self, model: str, number: int, path: str, offset: int, piece: bytes) -> DraftFile:
        """Appends. ``Conflict`` where the platform is elsewhere; its details have the right ``offset``."""
        return await self._client._call(calls.write(model, number, path, offset, piece))

    def seal(self, model: str, number: int) -> "AsyncStream[ImportProgress, Version]":
        """Makes the version; iterate for progress, or ``wait``."""
        return AsyncStream(self._client, calls.seal(model, number))

    async def discard(self, model: str, number: int) -> None:
        await self._client._call(calls.discard(model, number))

    async def read(self, name: str, version: int, path: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """A version's file as it is stored, from ``start`` on, in pieces."""
        request_id = exchange.new_request_id()
        response = await self._client._send(calls.read(name, version, path, start), request_id, stream=True)
        async with aclosing(response):
            exchange.check_part(response, start)
            try:
                async for piece in response.aiter_bytes():
                    yield piece
            except httpx.HTTPError as error:
                raise exchange.failure(error, self._client.configuration, request_id) from None
