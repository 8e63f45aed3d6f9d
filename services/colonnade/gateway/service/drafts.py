"""Versions in the making: begun, uploaded, sealed and discarded by few, and those acts recorded."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import aclosing

from colonnade.errors import NotFound
from colonnade.gateway.domain.drafts import Draft, DraftFile, DraftOrder
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Artefact, ImportProgress
from colonnade.gateway.ports import Audit
from colonnade.gateway.ports.catalogue import Catalogue
from colonnade.gateway.ports.drafts import DraftBook
from colonnade.security.audit import privileged


class Drafts:
    def __init__(
        self,
        book: DraftBook,
        catalogue: Catalogue,
        audit: Audit,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """``moved`` hears that a reference may mean another version now."""
        self._book, self._catalogue, self._audit, self._moved = book, catalogue, audit, moved

    async def begin(self, caller: Caller, order: DraftOrder) -> Draft:
        facts = {
            "model": order.model,
            "source": order.source,
            "alias": order.alias,
            "request_id": caller.request_id,
        }
        async with privileged(
            self._audit, "draft.begin", caller.principal, acknowledge=False, **facts
        ) as learnt:
            draft = await self._book.begin(caller, order)
            learnt["number"] = draft.number
            return draft

    async def get(self, caller: Caller, model: str, number: int) -> Draft:
        return await self._book.get(caller, model, number)

    async def list(self, caller: Caller, model: str) -> Sequence[Draft]:
        return await self._book.list(caller, model)

    async def announce(
        self, caller: Caller, model: str, number: int, files: Sequence[DraftFile]
    ) -> Sequence[DraftFile]:
        """One after the other: each is there as soon as it was announced."""
        return [await self._book.open_file(caller, model, number, file) for file in files]

    async def file(self, caller: Caller, model: str, number: int, path: str) -> DraftFile:
        """How much of a file there is."""
        draft = await self._book.get(caller, model, number)
        for file in draft.files:
            if file.path == path:
                return file
        raise NotFound(f"the draft {model}:{number} has no file of that path; announce it", field="path")

    async def write(
        self, caller: Caller, model: str, number: int, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> DraftFile:
        return await self._book.write_file(caller, model, number, path, offset, chunks)

    async def seal(self, caller: Caller, model: str, number: int) -> AsyncGenerator[ImportProgress, None]:
        """Progress, the last with the version."""
        facts = {"model": model, "number": number, "request_id": caller.request_id}
        async with (
            privileged(self._audit, "draft.seal", caller.principal, acknowledge=False, **facts),
            aclosing(self._book.seal(caller, model, number)) as steps,
        ):
            async for step in steps:
                if step.version is not None:
                    self._moved()
                yield step

    async def discard(self, caller: Caller, model: str, number: int) -> None:
        facts = {"model": model, "number": number, "request_id": caller.request_id}
        async with privileged(self._audit, "draft.discard", caller.principal, acknowledge=False, **facts):
            await self._book.discard(caller, model, number)

    async def artefact(self, caller: Caller, model: str, version: int, path: str) -> Artefact:
        """A file of a version."""
        record = await self._catalogue.get_version(caller, model, version)
        for file in record.version.artefacts:
            if file.path == path:
                return file
        raise NotFound(f"{model}:{version} has no file of that path", field="path")

    def read(self, caller: Caller, digest: str, offset: int) -> AsyncGenerator[bytes, None]:
        return self._book.read_file(caller, digest, offset)
