"""The use cases of drafts: begin, upload, seal, discard, and read what versions are made of."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.registry.domain import Version, check_owner
from colonnade.registry.drafts.draft import (
    ACTIVE,
    WRITABLE,
    BeginOrder,
    Bounds,
    DraftFile,
    State,
    VersionDraft,
)
from colonnade.registry.drafts.ports import DraftStore, Spool
from colonnade.registry.drafts.sealing import Sealing
from colonnade.registry.imports import Imports
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail, Progress, Sources, VersionStore
from colonnade.registry.service import MAX_VERSIONS_SHOWN, actor, utc_now
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_size, model_name
from colonnade.security.inputs import digest as check_digest
from colonnade.storage.blobs import BlobStore

MAX_LISTED = 200
_MAX_FILE_BYTES = 2**50


@dataclass(frozen=True, slots=True)
class Shown:
    """A draft as it is now. ``received`` has the bytes that are there, by path."""

    draft: VersionDraft
    received: dict[str, int]
    progress: Progress | None = None


class Drafts:
    def __init__(
        self,
        store: DraftStore,
        versions: VersionStore,
        spool: Spool,
        blobs: BlobStore,
        sources: Sources,
        imports: Imports,
        trail: AuditTrail,
        *,
        bounds: Bounds | None = None,
        clock: Callable[[], datetime] = utc_now,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``wake`` hears that a draft waits for its import."""
        self._store, self._versions, self._spool, self._blobs = store, versions, spool, blobs
        self._sources, self._trail = sources, trail
        self._bounds = bounds or Bounds()
        self._clock, self._wake = clock, wake
        self._owners = Owners(versions)
        self._sealing = Sealing(store, spool, imports, clock=clock, wake=wake)

    async def begin(self, order: BeginOrder, principal: Principal) -> Shown:
        order.check()
        if order.source:
            await self._sources.check(order.source)
        facts = {"model": order.model, "source": order.source, "alias": order.alias}
        async with privileged(
            self._trail, "registry.draft.begin", principal, acknowledge=True, **facts
        ) as learnt:
            await self._owners.check(order.model, principal)
            by = actor(principal)
            state = State.WAITING if order.source else State.OPEN
            once = order.once(by)
            draft = await self._store.begin(order, state, once, self._bounds, by=by, at=self._clock())
            learnt["number"] = draft.number
        self._wake()
        return await self._shown(draft)

    async def get(self, model: str, number: int) -> Shown:
        return await self._shown(await self._store.find((model_name(model), number)))

    async def list(self, model: str) -> Sequence[Shown]:
        found = await self._store.list_active(model_name(model), MAX_LISTED)
        return [await self._shown(draft) for draft in found]

    async def open_file(
        self, model: str, number: int, file: DraftFile, principal: Principal
    ) -> tuple[DraftFile, int]:
        """What was announced before, alike, goes on; announced otherwise, it begins anew."""
        file.check()
        check_size(file.size_bytes, _MAX_FILE_BYTES, "size_bytes")
        draft = await self._mine(model, number, principal)
        before = draft.file(file.path)
        file = replace(file, held=await self._held(file))
        await self._store.put_file((model, number), file, self._bounds, self._clock())
        if before is not None and replace(before, held=file.held) != file:
            await self._spool.forget(draft.room, before)
        return file, await self._spool.received(draft.room, file)

    async def write_file(
        self,
        model: str,
        number: int,
        path: str,
        offset: int,
        chunks: AsyncIterable[bytes],
        principal: Principal,
    ) -> tuple[DraftFile, int]:
        draft = await self._mine(model, number, principal)
        if draft.state not in WRITABLE:
            raise Conflict(
                f"the draft {draft.label} is {draft.state}", field="number", state=draft.state.value
            )
        file = draft.file(path)
        if file is None:
            raise NotFound(f"the draft {draft.label} has no file of that path; announce it", field="path")
        received = await self._spool.append(draft.room, file, offset, chunks)
        await self._store.touch((model, number), self._clock())
        return file, received

    async def seal(
        self, model: str, number: int, principal: Principal
    ) -> AsyncGenerator[Progress | Version, None]:
        """Progress, then the version. Closing the iterator leaves the draft as it was."""
        draft = await self._mine(model, number, principal)
        if draft.state is State.READY:
            yield await self._version(draft)
            return
        if draft.state is State.DISCARDED:
            raise Conflict(f"the draft {draft.label} is discarded", field="number", state=draft.state.value)
        if not draft.source:
            await self._check_complete(draft)
        async with aclosing(self.bring_in(draft, principal)) as events:
            async for event in events:
                yield event

    def bring_in(self, draft: VersionDraft, principal: Principal) -> AsyncGenerator[Progress | Version, None]:
        """Runs the import that a draft stands for, and ends the draft."""
        return self._sealing.run(draft, principal)

    async def discard(self, model: str, number: int, principal: Principal) -> None:
        draft = await self._mine(model, number, principal)
        async with privileged(
            self._trail, "registry.draft.discard", principal, acknowledge=True, model=model, number=number
        ):
            await self._discard(draft, actor(principal), ACTIVE)

    async def sweep(self, since: datetime) -> int:
        """Discards what nobody touched since; returns how many."""
        idle = await self._store.untouched(since)
        for draft in idle:
            with suppress(Conflict, NotFound):  # somebody went on with it just now
                await self._discard(draft, "platform/registry", WRITABLE)
        there = await self._spool.rooms()  # before we ask: what is begun meanwhile is not among them
        for room in there - await self._store.rooms():
            await self._spool.discard(room)
        return len(idle)

    async def read_file(self, digest: str, offset: int) -> tuple[int, AsyncGenerator[bytes, None]]:
        """The size of a version's file, and the file from ``offset`` on."""
        size = await self._store.artefact_size(check_digest(digest))
        if size is None:
            raise NotFound(f"no version has a file with the digest {digest}", field="digest")
        if not 0 <= offset <= size:
            raise InvalidArgument(f"offset must be 0 to {size}", field="offset", limit=size)
        return size, self._blobs.read(digest, offset)

    async def _mine(self, model: str, number: int, principal: Principal) -> VersionDraft:
        """A draft that the caller may change: of a model of theirs, or of a name that they took."""
        draft = await self._store.find((model_name(model), number))
        if await self._versions.find_model(model) is None:
            check_owner(model, draft.tenant, principal.tenant)
        await self._owners.check(model, principal)
        return draft

    async def _held(self, file: DraftFile) -> bool:
        """Whether a version of this registry has a file with that content already."""
        size = await self._store.artefact_size(file.digest)
        return size == file.size_bytes and await self._blobs.exists(file.digest)

    async def _check_complete(self, draft: VersionDraft) -> None:
        if not draft.files:
            raise Conflict(f"the draft {draft.label} has no files; announce and send some", field="files")
        for file in draft.files:
            key = (draft.model, draft.number)
            if file.held and not await self._blobs.exists(file.digest):
                gone = replace(file, held=False)
                await self._store.put_file(key, gone, self._bounds, self._clock())
                file = gone  # noqa: PLW2901
            if await self._spool.received(draft.room, file) != file.size_bytes:
                raise Conflict(f"{file.path} is not all there; send the rest, then seal", field=file.path)

    async def _discard(self, draft: VersionDraft, by: str, among: Collection[State]) -> None:
        key = (draft.model, draft.number)
        await self._store.change(key, State.DISCARDED, among, by=by, at=self._clock())
        self._sealing.stop(key)
        await self._spool.discard(draft.room)

    async def _version(self, draft: VersionDraft) -> Version:
        found = await self._versions.list_versions(draft.model, limit=MAX_VERSIONS_SHOWN)
        for version in found:
            if version.manifest.version == draft.version:
                return version
        raise NotFound(f"the version {draft.model}:{draft.version} is there no more", field="number")

    async def _shown(self, draft: VersionDraft) -> Shown:
        key = (draft.model, draft.number)
        received = {file.path: await self._spool.received(draft.room, file) for file in draft.files}
        return Shown(draft, received, self._sealing.progress(key))
