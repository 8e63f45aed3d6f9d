"""Takes backups while the registry runs: records of one moment, every blob that they name, then the list."""

import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from colonnade.errors import InvalidArgument, NotFound, Unavailable
from colonnade.registry.backups.keeping import dropped
from colonnade.registry.backups.listing import LIST, BackupList, name_of
from colonnade.registry.backups.ports import Place, RecordDump, Records
from colonnade.registry.ports import AuditTrail
from colonnade.registry.service import actor, utc_now
from colonnade.registry.upkeep.leases import Leases
from colonnade.registry.upkeep.ports import UpkeepBook
from colonnade.security.audit import privileged
from colonnade.security.identity import Principal
from colonnade.storage.blobs import BlobStore

MAX_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class BackedUp:
    """How far a backup is. ``stage`` is ``records``, ``blobs``, ``list`` or ``done``."""

    stage: str
    fraction: float = 0.0
    copied: int = 0
    copied_bytes: int = 0
    kept: int = 0
    """Blobs that an earlier backup had brought."""
    dropped: int = 0
    """Earlier backups that made room."""
    name: str = ""
    digest: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A place, and the store of its blobs."""

    place: Place
    blobs: BlobStore


class Backups:
    """``open_destination`` gives the place that a caller named, where backups may be."""

    def __init__(
        self,
        records: RecordDump,
        blobs: BlobStore,
        open_destination: Callable[[str], Destination],
        book: UpkeepBook,
        leases: Leases,
        trail: AuditTrail,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._open = open_destination
        self._book = book
        self._leases = leases
        self._trail = trail
        self._clock = clock

    async def run(self, to: str, principal: Principal, *, keep: int = 0) -> AsyncGenerator[BackedUp]:
        """Progress; the last one is ``done``. One that is broken off is none, and what it copied stays."""
        if not 0 <= keep <= MAX_KEPT:
            raise InvalidArgument(f"keep must be 0 to {MAX_KEPT}", field="keep", limit=MAX_KEPT)
        destination = self._open(to)
        facts = {"to": to, "keep": keep}
        async with (
            privileged(self._trail, "registry.backup", principal, acknowledge=True, **facts) as learnt,
            self._leases.held(),
            aclosing(self._taken(destination, keep, actor(principal))) as steps,
        ):
            async for step in steps:
                if step.stage == "done":
                    learnt.update(name=step.name, digest=step.digest, copied=step.copied)
                yield step

    async def _taken(self, there: Destination, keep: int, by: str) -> AsyncGenerator[BackedUp]:
        await there.blobs.check()
        yield BackedUp("records")
        with tempfile.TemporaryDirectory(prefix="colonnade-backup-") as folder:
            records = await self._records.dump(Path(folder))
            name = name_of(records.at)
            for table in records.tables:
                content = (Path(folder) / table.file).read_bytes()
                await there.place.write(f"backups/{name}/{table.file}", content)
        so_far = BackedUp("blobs", name=name, at=records.at)
        copied: set[str] = set()
        async with aclosing(self._copied(there.blobs, records, so_far, copied)) as steps:
            async for so_far in steps:
                yield so_far
        listing = BackupList(name, records.at, records.schema, records.tables, tuple(sorted(copied)))
        await there.place.write(listing.path(LIST), listing.to_bytes())
        yield replace(so_far, stage="list", fraction=1.0)
        gone = await dropped(there.place, there.blobs, keep) if keep else 0
        facts = {"name": name, "digest": listing.digest, "copied": so_far.copied}
        await self._book.tell("backup.made", by, self._clock(), **facts)
        yield replace(so_far, stage="done", fraction=1.0, digest=listing.digest, dropped=gone)

    async def _copied(
        self, there: BlobStore, records: Records, so_far: BackedUp, copied: set[str]
    ) -> AsyncGenerator[BackedUp]:
        """Adds what is there in the end to ``copied``."""
        known = {digest async for digest in there.digests()}
        wanted = sorted(records.blobs | records.uploads)
        for number, digest in enumerate(wanted):
            if digest in known:
                so_far = replace(so_far, kept=so_far.kept + 1)
            elif (size := await self._copy(there, digest, needed=digest in records.blobs)) is not None:
                so_far = replace(so_far, copied=so_far.copied + 1, copied_bytes=so_far.copied_bytes + size)
            else:
                continue
            copied.add(digest)
            so_far = replace(so_far, fraction=(number + 1) / len(wanted))
            yield so_far

    async def _copy(self, there: BlobStore, digest: str, *, needed: bool) -> int | None:
        try:
            async with self._blobs.held():
                blob = await there.put_file(await self._blobs.open_path(digest))
        except NotFound:
            if not needed:
                return None
            raise Unavailable(
                f"the file {digest} of a version is missing; import its model again, then back up"
            ) from None
        if blob.digest != digest:
            await there.delete(blob.digest)
            raise Unavailable(
                f"the file {digest} of a version is damaged; import its model again, then back up"
            )
        return blob.size_bytes
