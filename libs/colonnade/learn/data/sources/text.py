"""Plain text and JSON lines, packed or not: read a line at a time, no line longer than a document may be."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from colonnade.errors import InvalidArgument
from colonnade.learn.data.source_settings import JsonLinesSource, TextSource
from colonnade.learn.data.sources.base import FileSource
from colonnade.learn.data.sources.document import MALFORMED, TOO_LARGE, Document, Place
from colonnade.learn.data.sources.files import StoredFile


class TextFiles(FileSource):
    def __init__(self, settings: TextSource) -> None:
        super().__init__(settings)
        self._unit = settings.unit

    def _documents(self, file: StoredFile, start: Place, before: int) -> Iterator[Document]:
        with _unpacked(self.name, file) as (stored, content):
            for item, raw in enumerate(self._units(content)):
                if item >= start.item and (self._unit == "file" or raw.strip()):
                    consumed = before + min(stored.tell(), file.size)
                    yield self._decoder.document(raw, file.name, Place(start.file, item), consumed)

    def _units(self, content: BinaryIO) -> Iterator[bytes]:
        most = self._decoder.largest
        if self._unit == "file":
            yield content.read(most + 1)
        elif self._unit == "line":
            yield from lines_of(content, most)
        else:
            yield from paragraphs_of(content, most)


class JsonLines(FileSource):
    def __init__(self, settings: JsonLinesSource) -> None:
        super().__init__(settings)
        self._field, self._refuse = settings.field, settings.malformed == "refuse"

    def _documents(self, file: StoredFile, start: Place, before: int) -> Iterator[Document]:
        # Escapes make a line up to six times as long as its text, and other keys stand beside it.
        most = 8 * self._decoder.largest
        with _unpacked(self.name, file) as (stored, content):
            for item, raw in enumerate(lines_of(content, most)):
                if item >= start.item and raw.strip():
                    consumed = before + min(stored.tell(), file.size)
                    yield self._document(raw, file.name, Place(start.file, item), consumed, most)

    def _document(self, raw: bytes, file: str, place: Place, consumed: int, most: int) -> Document:
        if len(raw) > most:
            return Document(place, consumed, dropped=TOO_LARGE)
        line = self._decoder.whole(raw, file, place, consumed)
        if line.dropped:
            return line
        try:
            text = json.loads(line.text)[self._field]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = None
        if isinstance(text, str):
            found = self._decoder.text(text, file, place, consumed)
            return found if found.mended or not line.mended else _mended(found)
        if self._refuse:
            raise InvalidArgument(
                f"source {self.name}: {file}, line {place.item + 1}, is no JSON object with text under"
                f" {self._field!r}; mend it, name another field, or set malformed to drop",
                field="field",
                source=self.name,
            )
        return Document(place, consumed, dropped=MALFORMED)


def _mended(found: Document) -> Document:
    return Document(found.place, found.consumed, found.text, found.dropped, mended=not found.dropped)


def lines_of(content: BinaryIO, most: int) -> Iterator[bytes]:
    """Lines without their ends. One of more than ``most`` bytes comes cut, a byte longer than that."""
    while line := content.readline(most + 2):
        if len(line) == most + 2 and not line.endswith(b"\n"):
            _skip_line(content)
            yield line[: most + 1]
        else:
            yield line.removesuffix(b"\n").removesuffix(b"\r")


def paragraphs_of(content: BinaryIO, most: int) -> Iterator[bytes]:
    """What stands between lines of white space alone; a longer one comes cut, as a line does."""
    held: list[bytes] = []
    size = 0
    for line in lines_of(content, most):
        if line.strip():
            if size <= most + 1:
                held.append(line)
            size += len(line) + 1
        elif held:
            yield b"\n".join(held)[: most + 1]
            held, size = [], 0
    if held:
        yield b"\n".join(held)[: most + 1]


def _skip_line(content: BinaryIO) -> None:
    while (rest := content.readline(1 << 20)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def _unpacked(source: str, file: StoredFile) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file as it is stored, and its content."""
    with file.open() as stored:
        try:
            yield stored, _content(file.name, stored)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InvalidArgument(
                f"source {source}: {file.name} is damaged: it does not unpack to its end; fetch it again",
                field="paths",
                source=source,
            ) from error


def _content(name: str, stored: BinaryIO) -> BinaryIO:
    if name.endswith(".gz"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=stored))
    if name.endswith((".zst", ".zstd")):
        return _zstandard(stored)
    return stored


def _zstandard(stored: BinaryIO) -> BinaryIO:
    import pyarrow as pa

    packed: Any = pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd")
    return io.BufferedReader(packed, 1 << 20)
