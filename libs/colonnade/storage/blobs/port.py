"""The port: what every store of blobs does, wherever it keeps them."""

import hashlib
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from colonnade.errors import InvalidArgument, TooLarge

MAX_BLOB_BYTES = 512 * 1024**3
CHUNK_BYTES = 4 * 1024**2
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Blob:
    """``digest`` is ``sha256:<64 hex>``."""

    digest: str
    size_bytes: int


class BlobStore(Protocol):
    """Every method that takes a digest raises ``InvalidArgument`` for a malformed one.

    A store elsewhere raises ``Unavailable`` where it cannot be reached, or does not let us in.
    """

    async def check(self) -> None:
        """Raises where the store cannot be used."""
        ...

    async def put_file(self, source: Path, *, move: bool = False, digest: str = "") -> Blob:
        """Keeps the content of ``source``. ``move`` gives the file away: it is gone afterwards.

        ``digest`` is for who has hashed the file already. Nobody may write to a file that is being put.
        Raises ``TooLarge`` past the store's limit and ``Unavailable`` where the store is full.
        """
        ...

    async def put_bytes(self, content: bytes) -> Blob: ...

    async def open_path(self, digest: str) -> Path:
        """A local file with the content, for reading only, not verified. ``NotFound`` if there is none.

        It stays there until the blob is deleted; in a store that is elsewhere, as long as somebody has it
        open, or until the end of ``held``."""
        ...

    def held(self) -> AbstractAsyncContextManager[None]:
        """What ``open_path`` gives inside stays there until the end."""
        ...

    def read(self, digest: str, start: int = 0, size: int | None = None) -> AsyncGenerator[bytes, None]:
        """The content, or ``size`` bytes of it from ``start`` on, or fewer where it ends, not verified."""
        ...

    async def exists(self, digest: str) -> bool: ...

    async def size(self, digest: str) -> int | None:
        """In bytes; None where there is no such blob."""
        ...

    async def delete(self, digest: str) -> bool:
        """Whether there was such a blob. Whoever has it open keeps reading it."""
        ...

    def digests(self) -> AsyncGenerator[str, None]:
        """Of all blobs, in no order."""
        ...

    async def verify(self, digest: str) -> bool:
        """Whether the content that ``open_path`` gives has the digest. ``NotFound`` if there is none."""
        ...

    async def sweep(self) -> int:
        """Removes what dead writers left here unfinished; returns how many files."""
        ...


def hexadecimal_of(digest: str) -> str:
    """The 64 digits of ``sha256:<64 hex>``; ``InvalidArgument`` for anything else."""
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise InvalidArgument("a digest is sha256: and 64 lower-case hexadecimal digits", field="digest")
    return match[1]


def digest_of(file: BinaryIO) -> str:
    """``sha256:<64 hex>`` of what is left to read, in bounded memory."""
    hasher = hashlib.sha256()
    for chunk in chunks_of(file):
        hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return digest_of(file)


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def check_size(size: int, most: int) -> None:
    if size > most:
        raise TooLarge(
            f"a file of the model is larger than the blob store takes ({most} bytes); split it into shards",
            limit=most,
        )
