"""Checks a backup, and makes a registry of one. The registry must not run, and have nothing yet.

The database says from the first step on that it is being restored, and is filled in the last one, in one
transaction: a restore that was broken off shows, and is run again.
"""

import gzip
import hashlib
import io
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from colonnade.errors import Conflict
from colonnade.registry.backups.listing import BackupList, Damaged, Table
from colonnade.registry.backups.ports import Place, RecordLoad
from colonnade.registry.backups.taking import Destination
from colonnade.storage.blobs import BlobStore

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """``stage`` is ``records``, ``blobs`` or ``done``; ``total`` blobs there are."""

    stage: str
    done: int = 0
    total: int = 0
    schema: str = ""


async def check_records(place: Place, listing: BackupList, folder: Path | None = None) -> None:
    """Every table, by its digest and its number of rows; kept in ``folder``. Raises ``Damaged``."""
    for table in listing.tables:
        content = await _table(place, listing, table)
        if folder is not None:
            (folder / table.file).write_bytes(content)


async def verified(there: Destination, listing: BackupList) -> AsyncGenerator[Restored]:
    """Reads all of it. Raises ``Damaged``, which names the part."""
    yield Restored("records", 0, len(listing.blobs))
    await check_records(there.place, listing)
    for number, digest in enumerate(listing.blobs):
        await _check_blob(there.blobs, listing, digest)
        yield Restored("blobs", number + 1, len(listing.blobs))
    yield Restored("done", len(listing.blobs), len(listing.blobs))


async def restored(
    there: Destination, listing: BackupList, records: RecordLoad, blobs: BlobStore
) -> AsyncGenerator[Restored]:
    total = len(listing.blobs)
    with tempfile.TemporaryDirectory(prefix="colonnade-restore-") as folder:
        yield Restored("records", 0, total)
        await check_records(there.place, listing, Path(folder))
        await _check_empty(blobs, listing)
        await records.begin(listing.digest, listing.schema)
        for number, digest in enumerate(listing.blobs):
            await _copy(there.blobs, listing, blobs, digest)
            yield Restored("blobs", number + 1, total)
        schema = await records.load(listing.digest, listing.tables, Path(folder))
    yield Restored("done", total, total, schema)


async def _table(place: Place, listing: BackupList, table: Table) -> bytes:
    try:
        content = await place.read(listing.path(table.file))
    except Exception as error:
        raise _damaged(listing, table.file, "it cannot be read") from error
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != table.digest:
        raise _damaged(listing, table.file, "its digest differs")
    try:
        rows = _rows_in(content)
    except (OSError, EOFError, ValueError) as error:
        raise _damaged(listing, table.file, "it cannot be unpacked") from error
    if rows != table.rows:
        raise _damaged(listing, table.file, f"it has {rows} rows and the list says {table.rows}")
    return content


def _rows_in(content: bytes) -> int:
    """Piece by piece: what is small when packed may be of any size."""
    with gzip.open(io.BytesIO(content)) as unpacked:
        return sum(piece.count(b"\n") for piece in iter(lambda: unpacked.read(_PIECE_BYTES), b""))


async def _check_blob(blobs: BlobStore, listing: BackupList, digest: str) -> None:
    hasher = hashlib.sha256()
    if not await blobs.exists(digest):
        raise _damaged(listing, digest, "it is missing")
    async with aclosing(blobs.read(digest)) as chunks:
        async for chunk in chunks:
            hasher.update(chunk)
    if f"sha256:{hasher.hexdigest()}" != digest:
        raise _damaged(listing, digest, "its digest differs")


async def _copy(there: BlobStore, listing: BackupList, blobs: BlobStore, digest: str) -> None:
    if not await there.exists(digest):
        raise _damaged(listing, digest, "it is missing")
    if await blobs.exists(digest):  # of a restore that was broken off
        return
    async with there.held():
        try:
            path = await there.open_path(digest)
        except Conflict as error:
            raise _damaged(listing, digest, "its digest differs") from error
        blob = await blobs.put_file(path)
    if blob.digest != digest:
        await blobs.delete(blob.digest)
        raise _damaged(listing, digest, "its digest differs")


async def _check_empty(blobs: BlobStore, listing: BackupList) -> None:
    """But for what a restore that was broken off has left."""
    await blobs.check()
    known = set(listing.blobs)
    async with aclosing(blobs.digests()) as digests:
        async for digest in digests:
            if digest not in known:
                raise Conflict(
                    "the blob store has files that are not of this backup; restore into an empty one",
                    field="to",
                )


def _damaged(listing: BackupList, part: str, why: str) -> Damaged:
    return Damaged(f"{part} of the backup {listing.name} is damaged: {why}", part=part)
