"""What the platform remembers, as the gateway shows it and puts it into prompts."""

from dataclasses import dataclass, field
from datetime import datetime

KINDS = ("turn", "episode", "fact", "chunk")
TIERS = ("short", "task", "long")
SPEAKERS = ("user", "assistant")
"""Whose turns a session has."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where in a document, in characters of its text; ``page`` 0 where it has none."""

    document: str
    name: str
    start: int
    end: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    id: str
    kind: str
    tier: str
    text: str
    happened_at: datetime
    created_at: datetime
    session: str = ""
    importance: float = 0.5
    pinned: bool = False
    shared: bool = False
    """The tenant's, not the subject's alone."""
    role: str = ""
    """Of a turn."""
    people: tuple[str, ...] = ()
    source: Source | None = None
    """Of a chunk."""
    made_of: tuple[str, ...] = ()
    """Of what was consolidated: the ids it came of."""
    uses: int = 0
    used_at: datetime | None = None
    votes: int = 0
    strength: float = 0.0
    embedded: bool = False


@dataclass(frozen=True, slots=True)
class NewMemory:
    """Empty or None: as the memory service has it."""

    text: str
    kind: str = ""
    tier: str = ""
    session: str = ""
    importance: float | None = None
    pinned: bool = False
    role: str = ""
    people: tuple[str, ...] = ()
    happened_at: datetime | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class MemoryFilter:
    """What is empty is not asked for."""

    kinds: tuple[str, ...] = ()
    session: str = ""
    documents: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    own: bool = False
    """Without what the tenant shares."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a memory was found. Ranks count from 1; 0: not found that way."""

    word_rank: int = 0
    bm25: float = 0.0
    words: tuple[str, ...] = ()
    """Of the question, that it has."""
    vector_rank: int = 0
    cosine: float = 0.0
    strength: float = 0.0
    reranked: float | None = None
    """Mean log-likelihood of the question after it, in nats a token."""


@dataclass(frozen=True, slots=True)
class Hit:
    memory: Memory
    score: float
    why: Why


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for."""

    query: str
    limit: int = 0
    """0: as the memory service has it."""
    filter: MemoryFilter = field(default_factory=MemoryFilter)
    rerank: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    hits: tuple[Hit, ...] = ()
    without: tuple[str, ...] = ()
    """What was to take part and could not: vectors, rerank."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a prompt should know."""

    summary: str = ""
    """Of the session's turns before these."""
    turns: tuple[Memory, ...] = ()
    """Oldest first."""
    found: Found = field(default_factory=Found)


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    turns: int
    began_at: datetime
    last_at: datetime
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    name: str
    media_type: str
    bytes: int
    """As it came."""
    digest: str
    characters: int
    """Of its text."""
    pages: int
    """0: it has none."""
    chunks: int
    embedded: int
    """Chunks with a vector."""
    shared: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewDocument:
    name: str
    media_type: str
    shared: bool = False
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A document, with the part of its text that was asked for."""

    document: Document
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class MemoryPage:
    memories: tuple[Memory, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[Session, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class DocumentPage:
    documents: tuple[Document, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class RecallSpec:
    """What of memory a prompt is to have beside the session's turns."""

    limit: int = 5
    kinds: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """What a generation has to do with memory."""

    session: str = ""
    recall: RecallSpec | None = None
    """None: the prompt stays as it is."""
    remember: bool = False
    """The user's turn and the answer become turns of the session."""


@dataclass(frozen=True, slots=True)
class Citation:
    """What stands in a prompt under a number."""

    number: int
    hit: Hit


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What memory had to do with an answer."""

    asked: str = field(default="", repr=False)
    """What the user said."""
    recalled: bool = False
    """The prompt has what was found, if anything was."""
    citations: tuple[Citation, ...] = ()
    session_turns: int = 0
    without: tuple[str, ...] = ()
    unavailable: str = ""
    """Why there is nothing of it in the prompt, though it was asked for."""
    remembered: bool | None = None
    """None where that was not asked for."""
    why_not: str = ""
    """Why the exchange is not remembered."""
