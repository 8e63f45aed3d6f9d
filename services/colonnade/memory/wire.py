"""Memories, documents and sessions in the words of their protobuf contract, and back."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.memory.v1 import memory_pb2 as messages
from colonnade.errors import InvalidArgument
from colonnade.memory.domain.documents import Document
from colonnade.memory.domain.ids import utc_now
from colonnade.memory.domain.memories import Kind, Memory, Source, Tier
from colonnade.memory.domain.search import Filter, Found, Hit, Why
from colonnade.memory.domain.sessions import Session
from colonnade.memory.service.documents import NewDocument, Part
from colonnade.memory.service.recalling import Recall, Recalled
from colonnade.memory.service.remembering import New, NewExchange
from colonnade.memory.service.searching import Question

_KINDS: Mapping[Kind, "messages.Kind.ValueType"] = {
    Kind.TURN: messages.KIND_TURN,
    Kind.EPISODE: messages.KIND_EPISODE,
    Kind.FACT: messages.KIND_FACT,
    Kind.CHUNK: messages.KIND_CHUNK,
}
_TIERS: Mapping[Tier, "messages.Tier.ValueType"] = {
    Tier.SHORT: messages.TIER_SHORT,
    Tier.TASK: messages.TIER_TASK,
    Tier.LONG: messages.TIER_LONG,
}
_E = TypeVar("_E", bound=StrEnum)


def new(request: messages.RememberRequest) -> New:
    return New(
        text=request.text,
        kind=_meant(_KINDS, request.kind, "kind") if request.kind else None,
        tier=_meant(_TIERS, request.tier, "tier") if request.tier else None,
        session=request.session,
        importance=request.importance if request.HasField("importance") else None,
        pinned=request.pinned,
        role=request.role,
        people=tuple(request.people),
        happened_at=time_of(request.happened_at, "happened_at") if request.HasField("happened_at") else None,
    )


def new_exchange(request: messages.RememberExchangeRequest) -> NewExchange:
    return NewExchange(request.session, request.asked, request.answered)


def question(request: messages.SearchRequest) -> Question:
    return Question(request.query, request.limit, filter_of(request.filter), request.rerank)


def recall(request: messages.RecallRequest) -> Recall:
    return Recall(request.query, request.session, request.limit, request.turns, filter_of(request.filter))


def new_document(request: messages.NewDocument) -> NewDocument:
    return NewDocument(request.name, request.media_type, request.shared)


def filter_of(asked: messages.Filter) -> Filter:
    return Filter(
        kinds=frozenset(_meant(_KINDS, number, "kinds") for number in asked.kinds),
        session=asked.session,
        documents=frozenset(asked.documents),
        since=time_of(asked.since, "since") if asked.HasField("since") else None,
        until=time_of(asked.until, "until") if asked.HasField("until") else None,
        own=asked.own,
    )


def memory(found: Memory) -> messages.Memory:
    return messages.Memory(
        id=found.id,
        kind=_KINDS[found.kind],
        tier=_TIERS[found.tier],
        session=found.session,
        text=found.text,
        importance=found.importance,
        pinned=found.pinned,
        shared=not found.scope.subject,
        role=found.role,
        people=found.people,
        happened_at=stamp_of(found.happened_at),
        created_at=stamp_of(found.created_at),
        source=_source(found.source) if found.source else None,
        made_of=found.made_of,
        uses=found.uses,
        used_at=stamp_of(found.used_at) if found.used_at else None,
        votes=found.votes,
        strength=found.strength(utc_now()),
        embedded=found.embedded,
    )


def searched(found: Found) -> messages.SearchResponse:
    return messages.SearchResponse(hits=map(_hit, found.hits), without=found.without)


def recalled(found: Recalled) -> messages.RecallResponse:
    return messages.RecallResponse(
        summary=found.working.summary,
        turns=map(memory, found.working.turns),
        hits=map(_hit, found.hits),
        without=found.without,
    )


def session(found: Session) -> messages.Session:
    return messages.Session(
        id=found.id,
        turns=found.turns,
        summary=found.summary,
        began_at=stamp_of(found.began_at),
        last_at=stamp_of(found.last_at),
    )


def document(found: Document) -> messages.Document:
    return messages.Document(
        id=found.id,
        name=found.name,
        media_type=found.media_type,
        bytes=found.bytes,
        digest=found.digest,
        characters=found.characters,
        pages=found.pages,
        chunks=found.chunks,
        embedded=found.embedded,
        shared=not found.scope.subject,
        created_at=stamp_of(found.created_at),
    )


def part(found: Part) -> messages.GetDocumentResponse:
    return messages.GetDocumentResponse(document=document(found.document), text=found.text, start=found.start)


def memories(found: Iterable[Memory], page: str) -> messages.ListMemoriesResponse:
    return messages.ListMemoriesResponse(memories=map(memory, found), next_page=page)


def _hit(found: Hit) -> messages.Hit:
    return messages.Hit(memory=memory(found.memory), score=found.score, why=_why(found.why))


def _why(found: Why) -> messages.Why:
    return messages.Why(
        word_rank=found.word_rank,
        bm25=found.bm25,
        words=found.words,
        vector_rank=found.vector_rank,
        cosine=found.cosine,
        strength=found.strength,
        reranked=found.reranked,
    )


def _source(found: Source) -> messages.Source:
    return messages.Source(
        document=found.document, name=found.name, start=found.start, end=found.end, page=found.page
    )


def _meant(known: Mapping[_E, int], number: int, field: str) -> _E:
    """A newer client's is refused rather than left out."""
    for value, its in known.items():
        if its == number:
            return value
    raise InvalidArgument(f"{field} must be of {', '.join(known)}", field=field)


def time_of(stamp: Timestamp, field: str) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{field} must be a time from the year 1 to 9999", field=field) from None


def stamp_of(at: datetime) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(at)
    return moment
