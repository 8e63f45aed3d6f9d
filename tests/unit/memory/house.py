"""A memory service without processes: every use case, with everything around it in memory."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.memory import words
from colonnade.memory.domain.documents import Piece, Read
from colonnade.memory.domain.memories import Kind, Memory
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter, Near
from colonnade.memory.ports import Embedded, Unembedded, Vector
from colonnade.memory.service.at_once import AtOnce
from colonnade.memory.service.documents import Bounds, Documents
from colonnade.memory.service.memories import Memories
from colonnade.memory.service.recalling import Recalling
from colonnade.memory.service.remembering import New, Remembering
from colonnade.memory.service.searching import Searching
from colonnade.memory.service.sessions import Sessions
from colonnade.memory.service.uses import Uses
from colonnade.security.identity import Principal, Role
from tests.unit.memory.fakes import START, FakeMemoryStore, passes
from tests.unit.registry.fakes import MemoryTrail

EVE = Principal("acme", "eve", frozenset({Role.CALLER}))
BOB = Principal("acme", "bob", frozenset({Role.CALLER}))
BOSS = Principal("acme", "boss", frozenset({Role.ADMIN}))
ANN = Principal("globex", "ann", frozenset({Role.ADMIN}))
DIMENSION = 96


@dataclass
class Clock:
    """Each look at it is a moment later, so that ids grow."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_by(self, **much: float) -> None:
        self.now += timedelta(**much)


@dataclass
class FakeEmbedder:
    """Texts are near as far as they have the same words; ``alike`` are words that mean the same."""

    digest: str = f"sha256:{'e' * 64}"
    alike: Mapping[str, str] = field(default_factory=dict)
    failure: ColonnadeError | None = None
    hangs: bool = False
    refuses: str = ""
    """Texts with this in them."""
    asked: list[Sequence[str]] = field(default_factory=list)

    async def model(self) -> str:
        if self.failure:
            raise self.failure
        return self.digest

    async def embed(self, texts: Sequence[str]) -> Embedded:
        self.asked.append(list(texts))
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure:
            raise self.failure
        if self.refuses and any(self.refuses in text for text in texts):
            raise InvalidArgument("input[0] has no tokens", field="input")
        return Embedded(self.digest, [self.vector(text) for text in texts])

    def vector(self, text: str) -> Vector:
        found = [0.0] * DIMENSION
        for word in words.words_of(text) or ["nothing"]:
            meant = self.alike.get(word, word)
            found[sum(map(ord, meant)) * 31 % DIMENSION] += 1.0
        norm = math.sqrt(sum(value * value for value in found))
        return [value / norm for value in found]


class FakeVectors:
    """Implements ``ports.VectorIndex`` over the store's own memories."""

    def __init__(self, store: FakeMemoryStore) -> None:
        self._store = store
        self.kept: dict[tuple[Scope, str], tuple[str, Vector]] = {}
        self.failure: ColonnadeError | None = None

    async def put(self, scope: Scope, model: str, vectors: Mapping[str, Vector]) -> None:
        if self.failure:
            raise self.failure
        for id_, vector in vectors.items():
            if memory := self._store.memories.get((scope, id_)):
                self.kept[scope, id_] = (model, vector)
                self._store.memories[scope, id_] = replace(memory, embedded=True)

    async def nearest(
        self, scopes: Sequence[Scope], model: str, vector: Vector, wanted: Filter, limit: int
    ) -> Sequence[Near]:
        if self.failure:
            raise self.failure
        found = [
            Near(id_, sum(a * b for a, b in zip(its, vector, strict=True)))
            for (scope, id_), (by, its) in self.kept.items()
            if by == model and scope in scopes and (memory := self._store.memories.get((scope, id_)))
            if passes(memory, wanted)
        ]
        return sorted(found, key=lambda near: (-near.cosine, near.id))[:limit]

    async def missing(self, model: str, limit: int) -> Sequence[Unembedded]:
        lacking = [
            memory for key, memory in self._store.memories.items() if self.kept.get(key, ("", ()))[0] != model
        ]
        found: dict[Scope, dict[str, str]] = {}
        for memory in sorted(lacking, key=lambda each: each.id)[:limit]:
            found.setdefault(memory.scope, {})[memory.id] = memory.text
        return [Unembedded(scope, texts) for scope, texts in found.items()]


@dataclass
class FakeReranker:
    """The shorter, the likelier."""

    failure: ColonnadeError | None = None
    hangs: bool = False
    asked: list[Sequence[str]] = field(default_factory=list)

    async def likelihoods(self, question: str, passages: Sequence[str]) -> Sequence[float]:
        self.asked.append(passages)
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure:
            raise self.failure
        return [-float(len(passage)) for passage in passages]


@dataclass
class FakeReader:
    """Plain text; pieces are its paragraphs."""

    read_: int = 0

    async def read(self, content: bytes, media_type: str) -> Read:
        self.read_ += 1
        if media_type == "application/pdf":
            raise Unsupported("no PDF here", field="media_type")
        try:
            return Read(content.decode())
        except UnicodeDecodeError:
            raise InvalidArgument("content is not UTF-8", field="content") from None

    def pieces(self, text: Read, media_type: str) -> Sequence[Piece]:
        found, start = [], 0
        for paragraph in text.text.split("\n\n"):
            found.append(Piece(paragraph, start, start + len(paragraph)))
            start += len(paragraph) + 2
        return found


@dataclass
class FakeWriter:
    """The first text, cut; and what it was asked."""

    says: str | None = None
    asked: list[tuple[Sequence[str], int]] = field(default_factory=list)

    async def shorten(self, texts: Sequence[str], characters: int) -> str:
        self.asked.append((list(texts), characters))
        return (texts[0] if self.says is None else self.says)[:characters]


@dataclass
class Heard:
    """Implements ``service.notices.Notices``."""

    additions: int = 0
    removals: list[Scope] = field(default_factory=list)

    def added(self) -> None:
        self.additions += 1

    def removed(self, scope: Scope) -> None:
        self.removals.append(scope)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    """Of what happens in the background, whose events cannot be awaited."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class House:
    def __init__(self, *, bounds: Bounds | None = None, embed_seconds: float = 0.05) -> None:
        self.store, self.clock, self.trail, self.heard = FakeMemoryStore(), Clock(), MemoryTrail(), Heard()
        self.vectors, self.embedder = FakeVectors(self.store), FakeEmbedder()
        self.reranker, self.reader, self.writer = FakeReranker(), FakeReader(), FakeWriter()
        self.acted: list[str] = []
        self.uses = Uses(self.store)
        at_once = AtOnce(self.embedder, embed_seconds, rest_seconds=0)
        self.remembering = Remembering(
            self.store, self.vectors, at_once, self.trail, self.heard, clock=self.clock
        )
        self.searching = Searching(
            self.store, self.vectors, at_once, self.reranker, self.uses,
            rerank_seconds=0.05, clock=self.clock,
        )  # fmt: skip
        self.recalling = Recalling(self.store, self.searching, characters=1000)
        self.memories = Memories(self.store, self.trail, self.heard)
        self.sessions = Sessions(self.store, self.trail, self.heard)
        self.documents = Documents(
            self.store, self.reader, self.trail, self.heard, bounds=bounds or Bounds(), clock=self.clock
        )

    async def say(
        self, text: str, principal: Principal = EVE, session: str = "s", role: str = "user"
    ) -> Memory:
        return await self.remembering.remember(New(text, session=session, role=role), principal)

    async def episode(self, text: str, principal: Principal = EVE, **more: object) -> Memory:
        new = New(text, kind=Kind.EPISODE, **more)  # type: ignore[arg-type]
        return await self.remembering.remember(new, principal)

    async def fact(self, text: str, principal: Principal = EVE) -> Memory:
        return await self.remembering.remember(New(text), principal)

    @contextmanager
    def acting(self, tenant: str) -> Iterator[None]:
        self.acted.append(tenant)
        yield
