"""A document: its text, kept whole, and the pieces of it that are found."""

from dataclasses import dataclass
from datetime import datetime

from colonnade.memory.domain.scope import Scope
from colonnade.security.inputs import check_text

MEDIA_TYPES = ("text/plain", "text/markdown", "text/html", "application/pdf")
MAX_NAME_BYTES = 512


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    scope: Scope
    name: str
    media_type: str
    bytes: int
    """As it came."""
    digest: str
    """sha256 of the same."""
    characters: int
    """Of its text."""
    pages: int
    """0: it has none."""
    chunks: int
    created_at: datetime
    embedded: int = 0
    """Chunks with a vector."""

    def __post_init__(self) -> None:
        check_text(self.name, "name", MAX_NAME_BYTES, controls="line")


@dataclass(frozen=True, slots=True)
class Read:
    """What a document says; ``pages`` are where its pages begin in ``text``, in characters, if it has any."""

    text: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """``text`` is the read text from ``start`` to ``end``, in characters; ``page`` counts from 1, 0: none."""

    text: str
    start: int
    end: int
    page: int = 0
