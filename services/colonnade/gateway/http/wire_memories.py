"""Memories, sessions and documents as JSON: what is answered."""

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field

from colonnade.gateway.domain import memory as domain
from colonnade.gateway.http.wire_memory import Kind, Tier


class SourceOut(BaseModel):
    """Where in a document, in characters of its text."""

    id: str = Field(description="The document's.")
    name: str
    start: int
    end: int
    page: int | None = Field(description="null where it has none.")

    @classmethod
    def of(cls, source: domain.Source) -> "SourceOut":
        return cls(
            id=source.document, name=source.name, start=source.start, end=source.end, page=source.page or None
        )


class Memory(BaseModel):
    id: str
    kind: Kind
    tier: Tier
    text: str
    session: str = Field(description="Empty: none.")
    role: str = Field(description="Of a turn: user or assistant.")
    importance: float
    pinned: bool
    shared: bool = Field(description="The tenant's, not the subject's alone.")
    people: list[str]
    happened_at: datetime
    created_at: datetime
    document: SourceOut | None = Field(description="Of a chunk: what it is a piece of.")
    made_of: list[str] = Field(description="Of what was consolidated: the ids it came of.")
    uses: int
    used_at: datetime | None
    votes: int = Field(description="Useful ones less the others.")
    strength: float = Field(description="0 to 1, now: what fades is forgotten.")
    embedded: bool = Field(description="It can be found by what it means.")

    @classmethod
    def of(cls, memory: domain.Memory) -> "Memory":
        source = SourceOut.of(memory.source) if memory.source else None
        values = {name: getattr(memory, name) for name in cls.model_fields if name != "document"}
        lists = {"people": list(memory.people), "made_of": list(memory.made_of)}
        return cls(**values | lists, document=source)


class Why(BaseModel):
    """Why a memory was found; places count from 1."""

    word_rank: int | None = Field(description="Among those found by words; null: not among them.")
    bm25: float
    words: list[str] = Field(description="Of the question, that it has.")
    vector_rank: int | None = Field(description="Among those that mean nearly the same.")
    cosine: float
    strength: float
    reranked: float | None = Field(description="Mean log-likelihood of the question after it, a token.")

    @classmethod
    def of(cls, why: domain.Why) -> "Why":
        ranks = {"word_rank": why.word_rank or None, "vector_rank": why.vector_rank or None}
        return cls(**asdict(why) | ranks | {"words": list(why.words)})


class Hit(BaseModel):
    memory: Memory
    score: float = Field(description="Higher is better; of one search alone.")
    why: Why

    @classmethod
    def of(cls, hit: domain.Hit) -> "Hit":
        return cls(memory=Memory.of(hit.memory), score=hit.score, why=Why.of(hit.why))


class Found(BaseModel):
    hits: list[Hit] = Field(description="Best first.")
    without: list[str] = Field(description="What was to take part and could not: vectors, rerank.")

    @classmethod
    def of(cls, found: domain.Found) -> "Found":
        return cls(hits=[Hit.of(each) for each in found.hits], without=list(found.without))


class Memories(BaseModel):
    memories: list[Memory] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")


class Session(BaseModel):
    id: str = Field(description="As it was named.")
    turns: int
    summary: str = Field(description="Of its older turns, once there are many.")
    began_at: datetime
    last_at: datetime


class Sessions(BaseModel):
    sessions: list[Session] = Field(description="Latest first.")
    next_page_token: str = Field(description="Empty on the last page.")

    @classmethod
    def of(cls, page: domain.SessionPage) -> "Sessions":
        sessions = [Session.model_validate(each, from_attributes=True) for each in page.sessions]
        return cls(sessions=sessions, next_page_token=page.next_page)


class Forgotten(BaseModel):
    forgotten: int = Field(description="Memories of the session.")


class Document(BaseModel):
    id: str
    name: str
    media_type: str
    bytes: int = Field(description="As it came.")
    digest: str = Field(description="sha256 of the same.")
    characters: int = Field(description="Of its text.")
    pages: int | None = Field(description="null where it has none.")
    chunks: int = Field(description="Pieces that can be found.")
    embedded: int = Field(description="Of those, what can be found by what it means.")
    shared: bool = Field(description="The tenant's, not the subject's alone.")
    created_at: datetime

    @classmethod
    def of(cls, document: domain.Document) -> "Document":
        return cls(**asdict(document) | {"pages": document.pages or None})


class Documents(BaseModel):
    documents: list[Document] = Field(description="Newest first.")
    next_page_token: str = Field(description="Empty on the last page.")


class Passage(BaseModel):
    document: Document
    text: str = Field(description="From `start` on.")
    start: int = Field(description="In characters of the document's text.")

    @classmethod
    def of(cls, passage: domain.Passage) -> "Passage":
        return cls(document=Document.of(passage.document), text=passage.text, start=passage.start)
