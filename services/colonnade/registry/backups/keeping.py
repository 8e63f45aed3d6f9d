"""Which backups a place has, and which of them stay."""

from collections.abc import Sequence

from colonnade.errors import NotFound
from colonnade.registry.backups.listing import FOLDER, LIST, BackupList, is_name
from colonnade.registry.backups.ports import Place
from colonnade.storage.blobs import BlobStore


async def complete(place: Place) -> Sequence[str]:
    """The names of those that have their list, oldest first."""
    names = await place.names(FOLDER)
    parts = [name.split("/") for name in names]
    return sorted({part[1] for part in parts if len(part) == 3 and part[2] == LIST and is_name(part[1])})


async def listed(place: Place, name: str = "") -> BackupList:
    """One backup, or the newest; ``NotFound`` if there is none, ``Damaged`` where its list is."""
    known = await complete(place)
    if not known or (name and name not in known):
        what = f"complete backup {name}" if name else "complete backup"
        raise NotFound(f"there is no {what} at that place", field="from")
    found = name or known[-1]
    return BackupList.parse(await place.read(f"{FOLDER}/{found}/{LIST}"), found)


async def dropped(place: Place, blobs: BlobStore, keep: int) -> int:
    """Leaves the newest ``keep``, and the blobs that those name; returns how many went.

    The lists go first: what is deleted half-way is no backup any more. What never ended goes as well."""
    known = await complete(place)
    leaving, staying = known[:-keep], known[-keep:]
    named: set[str] = set()
    for name in staying:
        named.update((await listed(place, name)).blobs)
    for name in leaving:
        await place.delete(f"{FOLDER}/{name}/{LIST}")
    for path in await place.names(FOLDER):
        if path.split("/")[1] not in staying:
            await place.delete(path)
    async for digest in blobs.digests():
        if digest not in named:
            await blobs.delete(digest)
    return len(leaving)
