"""The memory service, for tests of the gateway."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.memory import (
    Document,
    DocumentPage,
    Found,
    Hit,
    Memory,
    MemoryFilter,
    MemoryPage,
    NewDocument,
    NewMemory,
    Passage,
    Question,
    Recollection,
    Session,
    SessionPage,
    Source,
    Why,
)

MOMENT = datetime(2030, 1, 2, tzinfo=UTC)


def memory(text: str = "Ann prefers tea.", **more: Any) -> Memory:
    plain = Memory("mem_1", "fact", "long", text, MOMENT, MOMENT, strength=0.5)
    return replace(plain, **more)


def chunk(text: str, name: str = "Handbook", page: int = 0) -> Memory:
    return memory(text, id="mem_2", kind="chunk", source=Source("doc_1", name, 10, 10 + len(text), page))


def turn(role: str, text: str, number: int = 0) -> Memory:
    return memory(text, id=f"mem_t{number}", kind="turn", tier="short", session="s1", role=role)


def hit(found: Memory, score: float = 0.03) -> Hit:
    return Hit(found, score, Why(1, 2.5, ("tea",), 0, 0.0, 0.5))


def document(**more: Any) -> Document:
    plain = Document("doc_1", "Handbook", "text/plain", 12, "sha256:d", 12, 0, 1, 1, False, MOMENT)
    return replace(plain, **more)


@dataclass
class FakeMemory:
    """Implements ``ports.MemoryBook``. Answers what it is told to, and remembers what it was asked."""

    error: ColonnadeError | None = None
    error_of: dict[str, ColonnadeError] = field(default_factory=dict)
    """By what is asked."""
    recollection: Recollection = field(
        default_factory=lambda: Recollection(
            "", (turn("user", "Hi.", 1), turn("assistant", "Hello.", 2)), Found((hit(memory()),))
        )
    )
    gate: asyncio.Event | None = None
    """What is to be remembered waits for it."""
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    broken: int = 0
    """Documents of which not all came."""
    began: asyncio.Event = field(default_factory=asyncio.Event)
    """A document is coming in."""

    @property
    def subjects(self) -> list[str]:
        return [caller.principal.subject for caller in self.callers]

    @property
    def kept(self) -> list[NewMemory]:
        return [each[1] for each in self.asked if each[0] == "remember"]

    @property
    def exchanges(self) -> list[tuple[Any, ...]]:
        """Session, question, answer and key of each."""
        return [each[1:] for each in self.asked if each[0] == "exchange"]

    async def remember(self, caller: Caller, new: NewMemory) -> Memory:
        self._note(caller, "remember", new)
        return memory(new.text)

    async def remember_exchange(
        self, caller: Caller, session: str, asked: str, answered: str, key: str, seconds: float
    ) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self._note(caller, "exchange", session, asked, answered, key)

    async def search(self, caller: Caller, question: Question) -> Found:
        self._note(caller, "search", question)
        return Found((hit(chunk("Tea at four.", page=3)), hit(memory(), 0.01)), ("vectors",))

    async def recall(self, caller: Caller, question: Question, session: str, seconds: float) -> Recollection:
        self._note(caller, "recall", question, session, seconds)
        return self.recollection

    async def page(self, caller: Caller, wanted: MemoryFilter, limit: int, page: str) -> MemoryPage:
        self._note(caller, "page", wanted, limit, page)
        return MemoryPage((memory(),), "" if page else "next")

    async def get(self, caller: Caller, memory_id: str) -> Memory:
        self._note(caller, "get", memory_id)
        return memory(used_at=MOMENT)

    async def revise(
        self, caller: Caller, memory_id: str, importance: float | None, pinned: bool | None
    ) -> Memory:
        self._note(caller, "revise", memory_id, importance, pinned)
        return memory(pinned=bool(pinned))

    async def forget(self, caller: Caller, memory_id: str) -> None:
        self._note(caller, "forget", memory_id)

    async def rate(self, caller: Caller, memory_id: str, *, useful: bool) -> Memory:
        self._note(caller, "rate", memory_id, useful)
        return memory(votes=1 if useful else -1)

    async def sessions(self, caller: Caller, limit: int, page: str) -> SessionPage:
        self._note(caller, "sessions", limit, page)
        return SessionPage((Session("s1", 2, MOMENT, MOMENT),), "" if page else "next")

    async def end_session(self, caller: Caller, session: str) -> int:
        self._note(caller, "end", session)
        return 2

    async def add_document(self, caller: Caller, new: NewDocument, content: AsyncIterable[bytes]) -> Document:
        self._note(caller, "add", new)
        self.broken += 1
        self.began.set()
        data = b"".join([piece async for piece in content])
        self.broken -= 1
        self.contents.append(data)
        return document(name=new.name, media_type=new.media_type, shared=new.shared, bytes=len(data))

    async def documents(self, caller: Caller, limit: int, page: str) -> DocumentPage:
        self._note(caller, "documents", limit, page)
        return DocumentPage((document(pages=2),), "" if page else "next")

    async def document(self, caller: Caller, document_id: str, start: int, end: int) -> Passage:
        self._note(caller, "document", document_id, start, end)
        return Passage(document(), "Tea at four."[start:end], start)

    async def delete_document(self, caller: Caller, document_id: str) -> None:
        self._note(caller, "delete", document_id)

    def _note(self, caller: Caller, *what: Any) -> None:
        self.callers.append(caller)
        self.asked.append(what)
        if error := self.error or self.error_of.get(what[0]):
            raise error
