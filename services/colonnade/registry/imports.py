"""The use case of an import: source -> conversion in a worker -> blobs -> version -> alias.

One import runs at a time; a few more may wait. Until the version is registered, in one transaction with the
alias and the idempotency key, nothing of an import can be seen; blobs of one that failed are found again by
the next try.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from colonnade.errors import ColonnadeError, Internal, InvalidArgument, Overloaded
from colonnade.registry import metrics
from colonnade.registry.catalogue.brought import card_of
from colonnade.registry.domain import (
    Artefact,
    Content,
    Draft,
    Reference,
    Version,
    base_of,
    check_kind,
    source_name,
)
from colonnade.registry.drafts.draft import UPLOAD
from colonnade.registry.guarded import Guarded
from colonnade.registry.owners import Owners
from colonnade.registry.ports import AuditTrail, Base, Converted, Importer, Progress, Sources, VersionStore
from colonnade.registry.service import actor, utc_now
from colonnade.registry.upkeep.claims import Unclaimed
from colonnade.registry.upkeep.ports import Claim, Claims
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import alias_name, check_text, idempotency_key, model_name, model_reference
from colonnade.security.inputs.catalogue import MAX_DESCRIPTION_BYTES, MAX_SOURCE_BYTES
from colonnade.security.inputs.once import Once
from colonnade.storage.blobs import BlobStore, digest_of_file

DESCRIPTION = "colonnade.json"
CONFIG = "config.json"
MAX_WAITING = 4
_RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ImportRequest:
    source: str
    name: str
    alias: str = ""
    description: str = ""
    idempotency_key: str = ""
    base: str = ""
    """Of an adapter: the reference of its base."""
    reserved: int = 0
    """The number that a draft holds for the version; 0 takes the next."""

    def check(self) -> None:
        check_text(self.source, "source", MAX_SOURCE_BYTES, controls="line")
        model_name(self.name)
        check_text(self.description, "description", MAX_DESCRIPTION_BYTES, allow_empty=True, controls="text")
        if self.alias:
            alias_name(self.alias)
        if self.base:
            model_reference(self.base, "base")
        if self.idempotency_key:
            idempotency_key(self.idempotency_key, "idempotency_key")
        if self.source.startswith(UPLOAD) and self.source != f"{UPLOAD}{self.name}:{self.reserved}":
            raise InvalidArgument("uploads become a version when their draft is sealed", field="source")

    def once(self, principal: Principal) -> Once | None:
        if not self.idempotency_key:
            return None
        facts = [self.source, self.name, self.alias, self.description, *filter(None, [self.base])]
        asked = json.dumps(facts)
        return Once(actor(principal), self.idempotency_key, hashlib.sha256(asked.encode()).hexdigest())


class Imports:
    def __init__(
        self,
        store: VersionStore,
        blobs: BlobStore,
        sources: Sources,
        importer: Importer,
        trail: AuditTrail,
        *,
        clock: Callable[[], datetime] = utc_now,
        max_waiting: int = MAX_WAITING,
        guarded: Guarded | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._sources = sources
        self._importer = importer
        self._trail = trail
        self._clock = clock
        self._guarded = guarded or Guarded(store)
        self._claims = claims or Unclaimed()
        self._owners = Owners(store)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._max_waiting = max_waiting

    async def run(self, request: ImportRequest, principal: Principal) -> AsyncGenerator[Progress | Version]:
        """Progress, then the version. Closing the iterator stops the import without a trace."""
        request.check()
        outcome = "failed"
        try:
            facts = {"model": request.name, "source": request.source, "alias": request.alias}
            facts |= {"base": request.base} if request.base else {}
            async with (
                privileged(self._trail, "registry.import", principal, acknowledge=True, **facts) as learnt,
                aclosing(self._queued(request, principal)) as events,
            ):
                async for event in events:
                    if isinstance(event, Version):
                        learnt.update(version=event.manifest.version, digest=event.manifest.digest)
                        version = event
                    else:
                        yield event
            outcome = "ok"
        except ColonnadeError as error:
            outcome = error.code.value
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            raise
        finally:
            metrics.IMPORTS.labels(outcome).inc()
        yield version

    async def _queued(
        self, request: ImportRequest, principal: Principal
    ) -> AsyncGenerator[Progress | Version]:
        known = await self._recall(request, principal)
        if known is not None:
            yield known
            return
        if self._turn.locked():
            yield Progress("queued", 0.0, "another import is running")
        async with self._my_turn():
            yield Progress("queued", 1.0)
            known = await self._recall(request, principal)  # by the one that was running
            if known is not None:
                yield known
                return
            started = time.monotonic()
            async with (
                self._blobs.held(),
                self._importer.workspace() as folder,
                aclosing(self._convert_and_keep(request, principal, folder)) as events,
            ):
                async for event in events:
                    yield event
            metrics.IMPORT_SECONDS.observe(time.monotonic() - started)

    async def _convert_and_keep(
        self, request: ImportRequest, principal: Principal, folder: Path
    ) -> AsyncGenerator[Progress | Version]:
        await self._owners.check(request.name, principal)
        known = await self._store.find_model(request.name)
        check_kind(request.name, known, request.base)
        if request.alias:
            await self._guarded.check(request.name, request.alias)
        base = await self._base(request.base) if request.base else None
        source: Path | None = None
        async with aclosing(self._sources.bring(request.source, folder)) as steps:
            async for step in steps:
                if isinstance(step, Path):
                    source = step
                else:
                    yield step
        if source is None:
            raise Internal("the source was not found")
        converted: Converted | None = None
        async with aclosing(self._importer.convert(source, folder, base)) as events:
            async for event in events:
                if isinstance(event, Converted):
                    converted = event
                else:
                    yield event
        if converted is None:
            raise Internal("the conversion ended without a result")
        if converted.base != (base.digest if base else ""):
            raise Internal("the conversion made an adapter of another base")
        card = await asyncio.to_thread(card_of, source, converted.files)
        artefacts: list[Artefact] = []
        async with self._claims.open() as claim:
            async for progress in self._store_files(converted.files, artefacts, claim):
                yield progress
            yield Progress("register", 0.0)
            draft = self._draft(request, principal, converted, artefacts, card)
            yield await self._store.register(
                draft, alias=request.alias, once=request.once(principal), claim=claim.id,
                reserved=request.reserved, of_known_model=known is not None,
                guarded=request.alias in self._guarded,
            )  # fmt: skip

    async def _base(self, reference: str) -> Base:
        """The version that the adapter belongs to, with the files that say what its layers are."""
        wanted = Reference.parse(reference)
        manifest = base_of(wanted, await self._store.find_targets(wanted))
        digests = {artefact.path: artefact.digest for artefact in manifest.content.artefacts}
        if not {DESCRIPTION, CONFIG} <= digests.keys():
            raise InvalidArgument(f"{wanted} is not a model that adapters can belong to", field="base")
        paths = [await self._blobs.open_path(digests[name]) for name in (DESCRIPTION, CONFIG)]
        return Base(manifest.digest, *paths)

    async def _store_files(
        self, files: Mapping[str, Path], artefacts: list[Artefact], claim: Claim
    ) -> AsyncIterator[Progress]:
        """Moves the files into the blob store, claimed, and adds them to ``artefacts``."""
        digests: dict[str, str] = {}
        for path, file in sorted(files.items()):
            yield Progress("store", 0.0, path)
            digests[path] = await asyncio.to_thread(digest_of_file, file)
        await claim.add(digests.values())
        for done, (path, file) in enumerate(sorted(files.items())):
            yield Progress("store", done / len(files), path)
            blob = await self._blobs.put_file(file, move=True, digest=digests[path])
            metrics.STORED_BYTES.inc(blob.size_bytes)
            artefacts.append(Artefact(path, blob.digest, blob.size_bytes))
        yield Progress("store", 1.0)

    def _draft(
        self,
        request: ImportRequest,
        principal: Principal,
        made: Converted,
        artefacts: list[Artefact],
        card: str,
    ) -> Draft:
        content = Content.of(
            family=made.family, parameters=made.parameters, size=made.size_label,
            context_length=made.context_length, artefacts=artefacts, base=made.base,
        )  # fmt: skip
        return Draft(
            request.name, content, source_name(request.source), made.source_digest, request.description,
            self._clock(), actor(principal), card,
        )  # fmt: skip

    async def _recall(self, request: ImportRequest, principal: Principal) -> Version | None:
        once = request.once(principal)
        return await self._store.recall(once) if once else None

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._turn.locked() and self._waiting >= self._max_waiting:
            raise Overloaded(
                f"{self._max_waiting} imports wait already; try again when they are done",
                limit=self._max_waiting,
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        self._waiting += 1
        metrics.IMPORTS_QUEUED.inc()
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
            metrics.IMPORTS_QUEUED.dec()
        try:
            yield
        finally:
            self._turn.release()
