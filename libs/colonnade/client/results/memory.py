"""What the platform remembers, and what memory had to do with an answer."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Source:
    """Where in a document, in characters of its text; ``page`` is None where it has none."""

    id: str
    """The document's."""
    name: str
    start: int
    end: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    id: str
    kind: str
    """``turn``, ``episode``, ``fact``, or ``chunk``: a piece of a document."""
    tier: str
    """``short`` fades in hours, ``task`` with its session, ``long`` in months."""
    text: str
    session: str = ""
    role: str = ""
    importance: float = 0.5
    pinned: bool = False
    shared: bool = False
    """The tenant's, not the subject's alone."""
    people: tuple[str, ...] = ()
    happened_at: datetime | None = None
    created_at: datetime | None = None
    document: Source | None = None
    made_of: tuple[str, ...] = ()
    """Of what was consolidated: the ids it came of."""
    uses: int = 0
    used_at: datetime | None = None
    votes: int = 0
    strength: float = 0.0
    """0 to 1, now: what fades is forgotten."""
    embedded: bool = False
    """It can be found by what it means."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a memory was found; places count from 1, None: not found that way."""

    word_rank: int | None = None
    bm25: float = 0.0
    words: tuple[str, ...] = ()
    vector_rank: int | None = None
    cosine: float = 0.0
    strength: float = 0.0
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    memory: Memory
    score: float
    why: Why


@dataclass(frozen=True, slots=True)
class Found:
    """Best first. ``without`` is what was to take part and could not: ``vectors``, ``rerank``."""

    hits: tuple[Hit, ...]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    turns: int
    summary: str = ""
    began_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    name: str
    media_type: str
    bytes: int
    digest: str
    characters: int
    """Of its text."""
    pages: int | None = None
    chunks: int = 0
    embedded: int = 0
    """Of the chunks, what can be found by what it means."""
    shared: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A document, and its text from ``start`` on, in characters."""

    document: Document
    text: str
    start: int = 0


@dataclass(frozen=True, slots=True)
class Citation:
    """What stood in the prompt under a number."""

    number: int
    id: str
    kind: str
    text: str
    """Its beginning."""
    document: Source | None = None
    why: Why = Why()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What memory had to do with an answer."""

    citations: tuple[Citation, ...] | None = None
    session_turns: int | None = None
    without: tuple[str, ...] | None = None
    unavailable: str | None = None
    """Why the answer had to do without what was to be recalled."""
    remembered: bool | None = None
    """Whether the exchange is kept now, where that was asked for."""
    why_not: str | None = None
