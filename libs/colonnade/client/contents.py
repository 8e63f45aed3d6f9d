"""What is sent in pieces: a file of this machine is never held, and read again where it is sent again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from colonnade.errors import InvalidArgument

_PIECE_BYTES = 64 * 1024
Show = Callable[[int, int], None]
"""Bytes that were sent, of how many."""


class Content:
    """Iterable as often as it is sent; ``aio`` is the same for the async client."""

    def __init__(self, source: Path | bytes, size: int, show: Show | None = None) -> None:
        self._source, self.size = source, size
        self._show = show or (lambda _sent, _of: None)

    @classmethod
    def of(cls, file: str | Path | bytes, show: Show | None = None) -> tuple["Content", str]:
        """With the file's own name, empty for bytes. ``InvalidArgument`` where it cannot be read."""
        if isinstance(file, bytes):
            return cls(file, len(file), show), ""
        path = Path(file).expanduser()
        try:
            with path.open("rb"):
                return cls(path, path.stat().st_size, show), path.name
        except OSError as error:
            raise InvalidArgument(f"{path.name} cannot be read: {error.strerror}", field="file") from None

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        for piece in self._pieces():
            yield piece
            sent += len(piece)
            self._show(sent, self.size)

    @property
    def aio(self) -> "AsyncContent":
        return AsyncContent(self)

    def _pieces(self) -> Iterator[bytes]:
        if isinstance(self._source, bytes):
            for start in range(0, self.size, _PIECE_BYTES):
                yield self._source[start : start + _PIECE_BYTES]
            return
        with self._source.open("rb") as file:
            yield from _of_file(file)


class AsyncContent:
    """Reads in a thread: a slow disk stops nothing else."""

    def __init__(self, content: Content) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self._content)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece


def _of_file(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
