"""Blobs in S3, or what speaks like it, under the names that a local store gives them: a folder can be copied.

Credentials, region and endpoint come from where every AWS client looks for them: ``AWS_*``, a web identity,
the machine's role. An object appears complete or not at all; what was there already is not written again.
Files are fetched in pieces, several at a time, each of them soon enough to be tried again by itself.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from colonnade.errors import Conflict, NotFound, Unavailable
from colonnade.storage.blobs.cache import BlobCache
from colonnade.storage.blobs.port import (
    CHUNK_BYTES,
    MAX_BLOB_BYTES,
    Blob,
    check_size,
    chunks_of,
    digest_of,
    hexadecimal_of,
)
from colonnade.telemetry import get_logger

_PIECE_BYTES = 16 * 1024**2
_PIECES_AT_ONCE = 4
_WHOLE_BYTES = 8 * 1024**2
"""What is larger is put in parts."""
_MOST_PARTS = 5_000
_RETRIES = 3
_RETRY_SECONDS = 30
_AGAIN_SECONDS = 2
_LOG = get_logger(__name__)


class S3BlobStore:
    """What is asked for by path lies in ``cache``."""

    def __init__(
        self, bucket: str, prefix: str, cache: BlobCache, *, max_blob_bytes: int = MAX_BLOB_BYTES
    ) -> None:
        with _refusals():
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
                # Plain HTTP only where AWS_ENDPOINT_URL says so.
                client_options={"connect_timeout": "5s", "timeout": "60s", "allow_http": True},
            )
        self._cache = cache
        self._max_bytes = max_blob_bytes

    async def check(self) -> None:
        await asyncio.to_thread(self._first)

    async def put_file(self, source: Path, *, move: bool = False, digest: str = "") -> Blob:
        blob = await asyncio.to_thread(self._put_file, source, digest)
        if move:
            await asyncio.to_thread(source.unlink)
        return blob

    async def put_bytes(self, content: bytes) -> Blob:
        return await asyncio.to_thread(self._put_whole, content)

    async def open_path(self, digest: str) -> Path:
        path, _ = await asyncio.to_thread(self._fetched, digest)
        return path

    def held(self) -> AbstractAsyncContextManager[None]:
        return self._cache.held()

    async def read(self, digest: str, start: int = 0, size: int | None = None) -> AsyncGenerator[bytes, None]:
        whole = await asyncio.to_thread(self._size, digest)
        if whole is None:
            raise _missing(digest)
        end = whole if size is None else min(whole, start + size)
        while start < end:
            piece = await asyncio.to_thread(self._piece, digest, start, min(end, start + CHUNK_BYTES))
            start += len(piece)
            yield piece

    async def exists(self, digest: str) -> bool:
        return await asyncio.to_thread(self._size, digest) is not None

    async def size(self, digest: str) -> int | None:
        return await asyncio.to_thread(self._size, digest)

    async def delete(self, digest: str) -> bool:
        return await asyncio.to_thread(self._delete, digest)

    async def digests(self) -> AsyncGenerator[str, None]:
        with _refusals():
            async for page in obstore.list(self._store, "sha256"):
                for found in page:
                    yield f"sha256:{found['path'].rpartition('/')[2]}"

    async def verify(self, digest: str) -> bool:
        return await asyncio.to_thread(self._verify, digest)

    async def sweep(self) -> int:
        return await self._cache.sweep()

    def _first(self) -> None:
        with _refusals():
            next(iter(obstore.list(self._store, "sha256", chunk_size=1)), None)

    def _put_file(self, source: Path, digest: str) -> Blob:
        if not source.is_file():
            raise NotFound("the file to be stored is not there, or is not a file")
        with source.open("rb") as file:
            size = source.stat().st_size
            check_size(size, self._max_bytes)
            if size <= _WHOLE_BYTES:
                return self._put_whole(file.read())
            return self._put_parts(file, Blob(digest or digest_of(file), size))

    def _put_whole(self, content: bytes) -> Blob:
        check_size(len(content), self._max_bytes)
        blob = Blob(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
        if self._size(blob.digest) != blob.size_bytes:
            with _refusals():
                obstore.put(self._store, _key(blob.digest), content, use_multipart=False)
        return blob

    def _put_parts(self, file: BinaryIO, blob: Blob) -> Blob:
        if self._size(blob.digest) == blob.size_bytes:
            return blob
        file.seek(0)
        part = max(_WHOLE_BYTES, blob.size_bytes // _MOST_PARTS + 1)
        content = _unchanged(file, blob.digest)
        with _refusals():
            obstore.put(self._store, _key(blob.digest), content, chunk_size=part, use_multipart=True)
        return blob

    def _size(self, digest: str) -> int | None:
        """None where there is no such blob."""
        key = _key(digest)
        with _refusals():
            try:
                return obstore.head(self._store, key)["size"]
            except (NotFoundError, FileNotFoundError):
                return None

    def _delete(self, digest: str) -> bool:
        there = self._size(digest) is not None
        if there:
            with _refusals():
                obstore.delete(self._store, _key(digest))
        self._cache.forget(digest)
        return there

    def _verify(self, digest: str) -> bool:
        try:
            path, arrived = self._fetched(digest)
            if arrived:
                return True
            with path.open("rb") as file:
                if digest_of(file) == digest:
                    return True
            _LOG.warning("a damaged copy of a blob is fetched again", digest=digest)
            self._cache.forget(digest)
            self._fetched(digest)
        except Conflict:
            return False
        return True

    def _fetched(self, digest: str) -> tuple[Path, bool]:
        """The copy here, and whether it has just arrived, which is to say was verified."""
        if path := self._cache.find(digest):
            return path, False
        with self._cache.filling():
            if path := self._cache.find(digest):
                return path, False
            size = self._size(digest)
            if size is None:
                raise _missing(digest)
            return self._cache.fill(digest, size, self._pieces(digest, size)), True

    def _pieces(self, digest: str, size: int) -> Iterator[bytes]:
        """In order, a few ahead of who takes them."""
        ahead: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(_PIECES_AT_ONCE) as threads:
            try:
                for start in range(0, size, _PIECE_BYTES):
                    end = min(size, start + _PIECE_BYTES)
                    ahead.append(threads.submit(self._piece, digest, start, end))
                    if len(ahead) == _PIECES_AT_ONCE:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _piece(self, digest: str, start: int, end: int) -> bytes:
        with _refusals():
            try:
                return bytes(obstore.get_range(self._store, _key(digest), start=start, end=end))
            except (NotFoundError, FileNotFoundError):
                raise _missing(digest) from None


def _key(digest: str) -> str:
    hexadecimal = hexadecimal_of(digest)
    return f"sha256/{hexadecimal[:2]}/{hexadecimal}"


def _missing(digest: str) -> NotFound:
    return NotFound(f"there is no blob {digest}", digest=digest)


def _unchanged(file: BinaryIO, digest: str) -> Iterator[bytes]:
    """The content, and at the end a ``Conflict`` where it is not what was hashed: then nothing is kept."""
    hasher = hashlib.sha256()
    for chunk in chunks_of(file):
        hasher.update(chunk)
        yield chunk
    if f"sha256:{hasher.hexdigest()}" != digest:
        raise Conflict("the file changed while it was being stored", digest=digest)


@contextmanager
def _refusals() -> Iterator[None]:
    """The library's errors tell of requests and endpoints: the log gets those, the caller what to do."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        said = str(error).partition("\n")[0]
        _LOG.warning("the object store failed", reason=said[:300])
        raise Unavailable(
            f"the object store {_meaning(error, said)}; see COLONNADE_BLOBS_URL and AWS_ENDPOINT_URL",
            field="COLONNADE_BLOBS_URL",
            retry_after_seconds=_AGAIN_SECONDS,
        ) from error


def _meaning(error: Exception, said: str) -> str:
    """Lists fail with a text where everything else fails with a class."""
    if isinstance(error, UnauthenticatedError | PermissionDeniedError) or "403 Forbidden" in said:
        return "does not let us in with the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, NotFoundError | FileNotFoundError) or "404 Not Found" in said:
        return "has no such bucket"
    return "cannot be reached"
