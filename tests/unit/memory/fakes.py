"""Memories, and a store in memory that passes the contract suite."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.memory import words
from colonnade.memory.domain.documents import Document, Read
from colonnade.memory.domain.erasures import Held
from colonnade.memory.domain.memories import Kind, Memory, Source, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import ByWords, Filter
from colonnade.memory.domain.sessions import Session
from colonnade.security.inputs.once import Once

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
EVE, BOB, ANN = Scope("acme", "eve"), Scope("acme", "bob"), Scope("globex", "ann")


def memory_id(number: int) -> str:
    return f"mem_{number:016x}{number:012x}"


def memory(number: int = 1, text: str = "the sky is blue", scope: Scope = EVE, **more: object) -> Memory:
    """A fact, unless ``more`` says otherwise; with a greater number a younger one."""
    at = START + timedelta(seconds=number)
    made = Memory(memory_id(number), scope, Kind.FACT, Tier.LONG, text, happened_at=at, created_at=at)
    return replace(made, **more)  # type: ignore[arg-type]


def turn(
    number: int,
    text: str = "hello there",
    scope: Scope = EVE,
    session: str = "s",
    role: str = "user",
    tier: Tier = Tier.SHORT,
    **more: object,
) -> Memory:
    return memory(number, text, scope, kind=Kind.TURN, tier=tier, session=session, role=role, **more)


def document(
    number: int, text: str, scope: Scope = EVE, *, size: int = 100
) -> tuple[Document, Read, list[Memory]]:
    """With chunks of ``size`` characters each."""
    id_, at = f"doc_{number:016x}{number:012x}", START + timedelta(seconds=number)
    starts = range(0, len(text), size)
    found = Document(
        id_, scope, f"paper {number}.txt", "text/plain", len(text.encode()), f"sha256:{number:064x}",
        len(text), 0, len(starts), at,
    )  # fmt: skip
    chunks = [
        memory(
            number * 100_000 + place, text[start : start + size], scope, kind=Kind.CHUNK, happened_at=at,
            created_at=at, source=Source(id_, found.name, start, min(len(text), start + size)),
        )
        for place, start in enumerate(starts)
    ]  # fmt: skip
    return found, Read(text), chunks


def passes(found: Memory, wanted: Filter) -> bool:
    return (
        (not wanted.kinds or found.kind in wanted.kinds)
        and (not wanted.session or found.session == wanted.session)
        and (not wanted.documents or (found.source is not None and found.source.document in wanted.documents))
        and (wanted.since is None or found.happened_at >= wanted.since)
        and (wanted.until is None or found.happened_at < wanted.until)
        and (not wanted.own or bool(found.scope.subject))
    )


class FakeMemoryStore:
    """Implements ``ports.MemoryStore``: a method without an ``await`` in it is a transaction."""

    def __init__(self) -> None:
        self.memories: dict[tuple[Scope, str], Memory] = {}
        self.kept: dict[tuple[Scope, str], tuple[Document, str]] = {}
        self.summaries: dict[tuple[Scope, str], tuple[str, str]] = {}
        self.tidied = 0
        self._made: dict[tuple[str, str, str], tuple[tuple[Scope, str], str]] = {}

    async def add(self, memory: Memory, once: Once | None = None) -> Memory:
        if once and (known := self._known("memory", once)) in self.memories:
            return self.memories[known]
        self._remember_key("memory", once, (memory.scope, memory.id))
        self.memories[memory.scope, memory.id] = memory
        return memory

    async def add_all(self, new: Sequence[tuple[Memory, Once | None]]) -> Sequence[Memory]:
        before = dict(self.memories), dict(self._made)
        try:
            return [await self.add(memory, once) for memory, once in new]
        except Conflict:
            self.memories, self._made = before
            raise

    async def find(self, scopes: Sequence[Scope], ids: Sequence[str]) -> Mapping[str, Memory]:
        return {each.id: each for each in self._of(scopes) if each.id in set(ids)}

    async def page(
        self, scopes: Sequence[Scope], wanted: Filter, *, before: str, limit: int
    ) -> Sequence[Memory]:
        found = [
            each for each in self._of(scopes) if passes(each, wanted) and (not before or each.id < before)
        ]
        return sorted(found, key=lambda each: each.id, reverse=True)[:limit]

    async def change(self, scope: Scope, memory_id: str, change: Callable[[Memory], Memory]) -> Memory:
        if (before := self.memories.get((scope, memory_id))) is None:
            raise NotFound(f"there is no memory {memory_id}", field="id")
        after = replace(
            change(before), id=before.id, scope=before.scope, kind=before.kind, session=before.session,
            text=before.text, created_at=before.created_at, source=before.source, embedded=before.embedded,
        )  # fmt: skip
        self.memories[scope, memory_id] = after
        return after

    async def used(self, ids: Sequence[tuple[Scope, str]], at: datetime) -> None:
        for key in set(ids):
            if found := self.memories.get(key):
                last = max(at, found.used_at or at)
                self.memories[key] = replace(found, uses=found.uses + 1, used_at=last)

    async def forget(self, scope: Scope, ids: Sequence[str]) -> int:
        return self._erase((scope, id_) for id_ in dict.fromkeys(ids))

    async def by_words(
        self, scopes: Sequence[Scope], question: str, wanted: Filter, limit: int
    ) -> Sequence[ByWords]:
        mine = [each for each in self._of(scopes) if each.scope.subject or not wanted.own]
        texts = {each.id: words.words_of(each.text) for each in mine}
        having = Counter(word for found in texts.values() for word in set(found))
        counts = words.Counts(len(texts), sum(map(len, texts.values())), having)
        candidates = [(each.id, texts[each.id]) for each in mine if passes(each, wanted)]
        return words.scored(candidates, words.asked(question), counts, limit)

    async def add_document(
        self, document: Document, text: Read, chunks: Sequence[Memory], once: Once | None
    ) -> Document:
        if once and (known := self._known("document", once)) in self.kept:
            return self.kept[known][0]
        self._remember_key("document", once, (document.scope, document.id))
        self.kept[document.scope, document.id] = (document, text.text)
        self.memories |= {(chunk.scope, chunk.id): chunk for chunk in chunks}
        return document

    async def find_document(self, scopes: Sequence[Scope], document_id: str) -> Document:
        return self._kept(scopes, document_id)[0]

    async def text_of(self, scopes: Sequence[Scope], document_id: str, start: int, end: int) -> str:
        return self._kept(scopes, document_id)[1][max(0, start) : max(0, end)]

    async def documents(self, scopes: Sequence[Scope], *, before: str, limit: int) -> Sequence[Document]:
        found = [each for (scope, id_), (each, _) in self.kept.items() if scope in scopes]
        found = [each for each in found if not before or each.id < before]
        return sorted(found, key=lambda each: each.id, reverse=True)[:limit]

    async def delete_document(self, scope: Scope, document_id: str) -> bool:
        chunks = [each for each in self._of([scope]) if each.source and each.source.document == document_id]
        self._erase((scope, each.id) for each in chunks)
        return self.kept.pop((scope, document_id), None) is not None

    async def sessions(self, scope: Scope, *, before: str, limit: int) -> Sequence[Session]:
        names = {each.session for each in self._of([scope]) if each.kind is Kind.TURN}
        found = sorted((self._session(scope, name) for name in names), key=_latest, reverse=True)
        if before:
            if before not in names:
                raise InvalidArgument(
                    f"the session {before} has ended; begin with the first page", field="page"
                )
            found = [each for each in found if _latest(each) < _latest(self._session(scope, before))]
        return found[:limit]

    async def session(self, scope: Scope, session: str) -> Session | None:
        return self._session(scope, session) if self._turns(scope, session) else None

    async def summarise(self, scope: Scope, session: str, summary: str, up_to: str) -> None:
        if not summary:
            self.summaries.pop((scope, session), None)
        elif any(each.id == up_to for each in self._turns(scope, session)):
            self.summaries[scope, session] = (summary, up_to)

    async def end_session(self, scope: Scope, session: str) -> int:
        ended = [
            (scope, each.id)
            for each in self._of([scope])
            if session and each.session == session and (each.kind is Kind.TURN or each.tier is Tier.TASK)
        ]
        return self._erase(ended)

    async def scopes(self, *, after: Scope | None, limit: int) -> Sequence[Scope]:
        held = sorted({scope for scope, _ in (*self.memories, *self.kept)})
        return [each for each in held if after is None or each > after][:limit]

    async def count(self, scope: Scope) -> int:
        return len(self._of([scope]))

    async def erase(self, scope: Scope) -> Mapping[str, int]:
        summaries = [key for key in self.summaries if key[0] == scope]
        documents = [key for key in self.kept if key[0] == scope]
        removed = {"summaries": len(summaries), "documents": len(documents)}
        removed["memories"] = self._erase((scope, each.id) for each in self._of([scope]))
        for key in documents:
            del self.kept[key]
        owner = f"{scope.tenant}/{scope.subject}"
        self._made = {key: made for key, made in self._made.items() if key[1] != owner}
        named = [
            each for each in self.memories.values()
            if each.scope.tenant == scope.tenant and scope.subject in each.people
        ]  # fmt: skip
        for each in named:
            others = tuple(person for person in each.people if person != scope.subject)
            self.memories[each.scope, each.id] = replace(each, people=others)
        return {**removed, "names": len(named)}

    async def held(self, *, after: Scope | None) -> Sequence[Held]:
        times: dict[Scope, datetime] = {}
        kept: list[Memory | Document] = [*self.memories.values()]
        kept += [document for document, _ in self.kept.values()]
        for each in kept:
            times[each.scope] = min(each.created_at, times.get(each.scope, each.created_at))
        return [
            Held(scope.tenant, scope.subject, times[scope])
            for scope in sorted(times)
            if scope.subject and (after is None or scope > after)
        ]

    async def tidy(self) -> None:
        self.tidied += 1

    def _of(self, scopes: Sequence[Scope]) -> list[Memory]:
        return [each for (scope, _), each in self.memories.items() if scope in scopes]

    def _kept(self, scopes: Sequence[Scope], document_id: str) -> tuple[Document, str]:
        for scope in scopes:
            if found := self.kept.get((scope, document_id)):
                return found
        raise NotFound(f"there is no document {document_id}", field="id")

    def _turns(self, scope: Scope, session: str) -> list[Memory]:
        return [each for each in self._of([scope]) if each.kind is Kind.TURN and each.session == session]

    def _session(self, scope: Scope, name: str) -> Session:
        times = [each.happened_at for each in self._turns(scope, name)]
        summary, up_to = self.summaries.get((scope, name), ("", ""))
        return Session(name, len(times), min(times), max(times), summary, up_to)

    def _erase(self, keys: Iterable[tuple[Scope, str]]) -> int:
        gone = [found for key in keys if (found := self.memories.pop(key, None))]
        for scope, session in list(self.summaries):
            if not self._turns(scope, session):
                del self.summaries[scope, session]
        return len(gone)

    def _known(self, noun: str, once: Once) -> tuple[Scope, str]:
        made, fingerprint = self._made.get((noun, once.owner, once.key), ((EVE, ""), ""))
        if made in self.memories or made in self.kept:
            once.check(fingerprint)
        return made

    def _remember_key(self, noun: str, once: Once | None, made: tuple[Scope, str]) -> None:
        if once:
            self._made[noun, once.owner, once.key] = (made, once.fingerprint)


def _latest(session: Session) -> tuple[datetime, str]:
    return session.last_at, session.id
