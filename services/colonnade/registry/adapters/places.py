"""Places of backups: a folder, or S3 and what speaks like it."""

import asyncio
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from colonnade.errors import InvalidArgument, NotFound, Unavailable, Unsupported
from colonnade.registry.backups.ports import Place
from colonnade.registry.backups.taking import Destination
from colonnade.security.inputs import check_text
from colonnade.storage.blobs import BlobPlace, open_blobs
from colonnade.storage.disk import full_disk_named, sync_folder

_MAX_PLACE_BYTES, _MAX_NAME_BYTES = 1024, 255


class FolderPlace:
    """Files appear whole, and are on the disk when they do."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def write(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._write, name, content)

    async def read(self, name: str) -> bytes:
        try:
            return await asyncio.to_thread((self._root / name).read_bytes)
        except FileNotFoundError:
            raise NotFound(f"there is no {name} in the backup") from None

    async def names(self, below: str) -> Sequence[str]:
        return await asyncio.to_thread(self._names, below)

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(self._delete, name)

    def _write(self, name: str, content: bytes) -> None:
        path = self._root / name
        with full_disk_named("the backup's", "free some space"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_name(f".{uuid.uuid4().hex}")
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
            sync_folder(path.parent)
            sync_folder(path.parent.parent)

    def _names(self, below: str) -> list[str]:
        found = (self._root / below).rglob("*")
        return [str(path.relative_to(self._root)) for path in found if path.is_file()]

    def _delete(self, name: str) -> None:
        path = self._root / name
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


class S3Place:
    def __init__(self, bucket: str, prefix: str) -> None:
        import obstore
        from obstore.store import S3Store

        self._obstore = obstore
        options: Any = {"connect_timeout": "5s", "timeout": "60s", "allow_http": True}
        self._store = S3Store(bucket, prefix=prefix or None, client_options=options)

    async def write(self, name: str, content: bytes) -> None:
        with _away():
            await self._obstore.put_async(self._store, name, content)

    async def read(self, name: str) -> bytes:
        with _away(name):
            found = await self._obstore.get_async(self._store, name)
            return bytes(await found.bytes_async())

    async def names(self, below: str) -> Sequence[str]:
        with _away():
            return [each["path"] async for page in self._obstore.list(self._store, below) for each in page]

    async def delete(self, name: str) -> None:
        with _away():
            await self._obstore.delete_async(self._store, name)


class _away:  # noqa: N801 - reads as a function
    """The library's errors tell of requests and endpoints."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, FileNotFoundError) and self._name:
            raise NotFound(f"there is no {self._name} in the backup") from error
        if isinstance(error, Exception):
            raise Unavailable(
                "the object store of the backups cannot be used; see AWS_ENDPOINT_URL"
            ) from error


def open_place(url: str, cache: Path) -> Destination:
    """``s3://bucket/prefix`` or a folder; what is read from S3 by path lies in ``cache``."""
    if not url.startswith("s3://"):
        folder = Path(url).expanduser().absolute()
        place: Place = FolderPlace(folder)
        return Destination(place, open_blobs(BlobPlace("", folder, cache)))
    blobs = open_blobs(BlobPlace(url.rstrip("/"), cache, cache))
    parts = urlsplit(url)
    try:
        place = S3Place(parts.netloc, parts.path.strip("/"))
    except ModuleNotFoundError as error:
        raise Unsupported(f"backups in S3 need a package; `pip install {error.name}`", field="to") from error
    return Destination(place, blobs)


def below(root: str, to: str) -> str:
    """The place that ``to`` names: below the root, or the root itself. ``InvalidArgument`` for any other."""
    root = root.rstrip("/")
    check_text(to, "to", _MAX_PLACE_BYTES, allow_empty=True, controls="line")
    wanted = to.rstrip("/")
    inner = wanted.removeprefix(f"{root}/") if wanted.startswith(f"{root}/") else wanted
    if wanted in ("", root):
        return root
    parts = inner.split("/")
    odd = any(part in ("", ".", "..") or len(part.encode()) > _MAX_NAME_BYTES for part in parts)
    if "://" in inner or inner.startswith(("/", "~")) or odd:
        raise InvalidArgument(
            "backups go below the folder or s3:// address that COLONNADE_REGISTRY_BACKUP_ROOT names; "
            "give a name below it",
            field="to",
        )
    return f"{root}/{inner}"


def apart_from(place: str, live: BlobPlace) -> str:
    """``place``, unless the registry's own blobs are there: a backup that makes room would remove them."""
    if place.startswith("s3://"):
        same = place.rstrip("/") == live.url.rstrip("/")
    else:
        same = not live.url and Path(place).expanduser().resolve() == live.folder.resolve()
    if same:
        raise InvalidArgument("a backup cannot be where the models' own files are; name another", field="to")
    return place
