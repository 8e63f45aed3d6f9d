"""What a source gives: documents in an order of their own, each with a number that stays."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from colonnade.errors import InvalidArgument

BadEncoding = Literal["refuse", "replace", "drop"]

TOO_LARGE = "too_large"
BAD_ENCODING = "bad_encoding"
MALFORMED = "malformed"
NULL = "null"


class Place(NamedTuple):
    """A document's number: of its file in the source, and within it. Both stay as the files do."""

    file: int = 0
    item: int = 0

    def next(self) -> "Place":
        return Place(self.file, self.item + 1)


@dataclass(frozen=True, slots=True)
class Document:
    place: Place
    consumed: int
    """Stored bytes of the source up to here, for progress."""
    text: str = ""
    dropped: str = ""
    """Why there is no text, if there is none to be had."""
    mended: bool = False
    """Whether bytes that were not UTF-8 were replaced."""


class DocumentSource(Protocol):
    """Documents of one kind of file. Reading is in bounded memory, whatever the files hold."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int:
        """Stored bytes of all files."""
        ...

    def fingerprint(self) -> str:
        """Of the names, sizes and a sample of the content of its files, wherever they lie."""
        ...

    def read(self, start: Place = Place()) -> Iterator[Document]:  # noqa: B008 - a tuple of two numbers
        """Documents from ``start`` on. Raises ``InvalidArgument`` for what the settings refuse, ``NotFound``
        or ``Conflict`` where a file went away or changed, ``Unavailable`` where a store cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class Decoder:
    """Bytes to text as the settings of a source say."""

    source: str
    bad: BadEncoding
    largest: int
    """In bytes."""

    def document(self, raw: bytes, file: str, place: Place, consumed: int) -> Document:
        if len(raw) > self.largest:
            return Document(place, consumed, dropped=TOO_LARGE)
        return self.whole(raw, file, place, consumed)

    def whole(self, raw: bytes, file: str, place: Place, consumed: int) -> Document:
        """However long it is."""
        try:
            return Document(place, consumed, raw.decode("utf-8"))
        except UnicodeDecodeError as error:
            return self._mended(raw, error.start, file, place, consumed)

    def text(self, text: str, file: str, place: Place, consumed: int) -> Document:
        """Text that was decoded already, which may be long or hold lone surrogates still."""
        if len(text) > self.largest:
            return Document(place, consumed, dropped=TOO_LARGE)
        return self.document(text.encode("utf-8", "surrogatepass"), file, place, consumed)

    def _mended(self, raw: bytes, at: int, file: str, place: Place, consumed: int) -> Document:
        if self.bad == "drop":
            return Document(place, consumed, dropped=BAD_ENCODING)
        if self.bad == "replace":
            return Document(place, consumed, raw.decode("utf-8", "replace"), mended=True)
        raise InvalidArgument(
            f"source {self.source}: {file}, document {place.item}, is not UTF-8 at its byte {at}; convert the"
            " file, or set bad_encoding to replace or drop",
            field="bad_encoding",
            source=self.source,
        )
