"""What the memory service needs of the world, in its own words. Whatever takes a scope looks nowhere else."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from colonnade.memory.domain.documents import Document, Piece, Read
from colonnade.memory.domain.erasures import Erased, Erasure, Held
from colonnade.memory.domain.memories import Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import ByWords, Filter, Near
from colonnade.memory.domain.sessions import Session
from colonnade.security.inputs.once import Once

Clock: TypeAlias = Callable[[], datetime]
Vector: TypeAlias = Sequence[float]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of unit length, all of one length, and the digest of the model that made them."""

    model: str
    vectors: Sequence[Vector]


@dataclass(frozen=True, slots=True)
class Unembedded:
    """Memories of one scope that have no vector of a model yet."""

    scope: Scope
    texts: Mapping[str, str]
    """By id."""


class MemoryStore(Protocol):
    """Memories, documents and sessions. Each method is one transaction; what it has returned from is kept.

    What is forgotten leaves no byte in the store's files once ``tidy`` has run."""

    async def add(self, memory: Memory, once: Once | None = None) -> Memory:
        """Under a known key, what was made with it, or ``Conflict`` where that was another."""
        ...

    async def add_all(self, new: Sequence[tuple[Memory, Once | None]]) -> Sequence[Memory]:
        """All of them, each as ``add``, or none."""
        ...

    async def find(self, scopes: Sequence[Scope], ids: Sequence[str]) -> Mapping[str, Memory]:
        """Those that are there, by id."""
        ...

    async def page(
        self, scopes: Sequence[Scope], wanted: Filter, *, before: str, limit: int
    ) -> Sequence[Memory]:
        """Newest first, those with an id below ``before`` if that is given. Ids grow with time."""
        ...

    async def change(self, scope: Scope, memory_id: str, change: Callable[[Memory], Memory]) -> Memory:
        """What ``change`` makes of it; its text and owner stay. ``NotFound``."""
        ...

    async def used(self, ids: Sequence[tuple[Scope, str]], at: datetime) -> None:
        """Counts a use of each; nothing of those that are gone."""
        ...

    async def forget(self, scope: Scope, ids: Sequence[str]) -> int:
        """How many were there."""
        ...

    async def by_words(
        self, scopes: Sequence[Scope], question: str, wanted: Filter, limit: int
    ) -> Sequence[ByWords]:
        """Best first, by BM25 (k1 1.2, b 0.75) with the counts of those scopes.

        Any question is one: no character of it is an operator; one without words finds nothing."""
        ...

    async def add_document(
        self, document: Document, text: Read, chunks: Sequence[Memory], once: Once | None
    ) -> Document:
        """With its chunks, or nothing of it. Under a known key as ``add``."""
        ...

    async def find_document(self, scopes: Sequence[Scope], document_id: str) -> Document:
        """``NotFound``."""
        ...

    async def text_of(self, scopes: Sequence[Scope], document_id: str, start: int, end: int) -> str:
        """In characters. ``NotFound``."""
        ...

    async def documents(self, scopes: Sequence[Scope], *, before: str, limit: int) -> Sequence[Document]:
        """Newest first."""
        ...

    async def delete_document(self, scope: Scope, document_id: str) -> bool:
        """With its chunks; whether it was there."""
        ...

    async def sessions(self, scope: Scope, *, before: str, limit: int) -> Sequence[Session]:
        """Latest first; those after the session ``before`` in that order, if it is given."""
        ...

    async def session(self, scope: Scope, session: str) -> Session | None: ...

    async def summarise(self, scope: Scope, session: str, summary: str, up_to: str) -> None:
        """Nothing where the session has ended meanwhile."""
        ...

    async def end_session(self, scope: Scope, session: str) -> int:
        """Forgets its turns, what was kept for its task, and its summary; how many memories."""
        ...

    async def scopes(self, *, after: Scope | None, limit: int) -> Sequence[Scope]:
        """All that hold something, in order."""
        ...

    async def count(self, scope: Scope) -> int:
        """How many memories it has, pieces of documents among them."""
        ...

    async def erase(self, scope: Scope) -> Mapping[str, int]:
        """All that is kept of a subject: memories, documents, summaries, and their name in what others of the
        tenant have. How much of each was there."""
        ...

    async def held(self, *, after: Scope | None) -> Sequence[Held]:
        """The next subjects of whom something is kept, in order; none: no more."""
        ...

    async def tidy(self) -> None:
        """Overwrites what was forgotten, logs of the database included."""
        ...


class VectorIndex(Protocol):
    """Vectors of memories, each in its scope. What ``put`` has returned from is kept. A memory that the store
    forgets loses its vector in the same transaction or, where that cannot be, before ``tidy`` returns."""

    async def put(self, scope: Scope, model: str, vectors: Mapping[str, Vector]) -> None:
        """By memory id; of those that are there no longer, nothing.

        ``InvalidArgument`` for a vector with another length than the model's others, one that is not finite,
        and one of norm 0."""
        ...

    async def nearest(
        self, scopes: Sequence[Scope], model: str, vector: Vector, wanted: Filter, limit: int
    ) -> Sequence[Near]:
        """Nearest first, of those that the model embedded and the filter lets through."""
        ...

    async def missing(self, model: str, limit: int) -> Sequence[Unembedded]:
        """Memories without a vector of that model, oldest first."""
        ...


class Embedder(Protocol):
    async def model(self) -> str:
        """The digest of the model that embeds now. ``Unavailable`` and its like where none does."""
        ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """``Unavailable`` and its like where nobody embeds now."""
        ...


class Reranker(Protocol):
    async def likelihoods(self, question: str, passages: Sequence[str]) -> Sequence[float]:
        """Mean log-likelihood of the question after each passage, in nats a token."""
        ...


class Writer(Protocol):
    """Says the same in fewer words."""

    async def shorten(self, texts: Sequence[str], characters: int) -> str:
        """At most so many characters; empty where it cannot."""
        ...


class Reader(Protocol):
    """Documents from outside, which may be anything."""

    async def read(self, content: bytes, media_type: str) -> Read:
        """``Unsupported`` for a type that is not read; ``InvalidArgument`` for what is not of its type,
        what has no text, and what cannot be read in bounds (time, memory, length of its text)."""
        ...

    def pieces(self, text: Read, media_type: str) -> Sequence[Piece]:
        """In order, together all of it but white space; each ends where a sentence does, if it can."""
        ...


class Leases(Protocol):
    """Of those that share a database, one at a time does what goes on in the background."""

    async def lease(self, holder: str, now: datetime, until: datetime) -> bool:
        """Whether ``holder`` does it until then: nobody else does."""
        ...

    async def release(self, holder: str) -> None:
        """Nothing where another one holds it."""
        ...


class Erasures(Protocol):
    """Erasures and how far they are. What a method has returned from is kept."""

    async def add(self, erasure: Erasure, once: Once | None = None) -> Erasure:
        """One of the same mark that has not ended, or under a known key the one that it made, in its place.
        ``Conflict`` where the key made another."""
        ...

    async def save(self, erasure: Erasure) -> None: ...

    async def find(self, erasure_id: str) -> Erasure | None: ...

    async def page(self, tenant: str, *, before: str, limit: int) -> Sequence[Erasure]:
        """Newest first, those with an id below ``before`` if that is given."""
        ...

    async def under_way(self, limit: int) -> Sequence[Erasure]:
        """Oldest first."""
        ...

    async def is_open(self, mark: str) -> bool:
        """One of that mark has not ended."""
        ...


class Tombstones(Protocol):
    """Marks of those who were erased, and when: nothing older may be there."""

    async def bury(self, marks: Mapping[str, datetime]) -> None:
        """The latest time of each stays."""
        ...

    async def all(self) -> Mapping[str, datetime]: ...


class Eraser(Protocol):
    """What one service holds of people."""

    async def erase(self, tenant: str, subject: str, erasure_id: str) -> Erased:
        """Nothing of them is left in the service when it returns. Safe to repeat."""
        ...

    def held(self) -> AsyncIterator[Held]:
        """All of whom it holds something."""
        ...


class AuditKeys(Protocol):
    """``AuditLog`` is one."""

    async def erase(self, tenant: str, subject: str) -> int:
        """What the log says of them cannot be read any more; how many keys were destroyed."""
        ...
