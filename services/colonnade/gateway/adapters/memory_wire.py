"""The memory service's messages in the gateway's words."""

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.memory.v1 import memory_pb2 as wire
from colonnade.gateway.domain.memory import (
    Document,
    Found,
    Hit,
    Memory,
    MemoryFilter,
    Session,
    Source,
    Why,
)

_KIND, _TIER = "KIND_", "TIER_"


def kind_of(kind: str) -> wire.Kind.ValueType:
    return wire.Kind.Value(_KIND + (kind.upper() or "UNSPECIFIED"))


def tier_of(tier: str) -> wire.Tier.ValueType:
    return wire.Tier.Value(_TIER + (tier.upper() or "UNSPECIFIED"))


def stamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    made = Timestamp()
    made.FromDatetime(moment.astimezone(UTC))
    return made


def filter_of(wanted: MemoryFilter) -> wire.Filter:
    return wire.Filter(
        kinds=map(kind_of, wanted.kinds),
        session=wanted.session,
        documents=wanted.documents,
        since=stamp(wanted.since),
        until=stamp(wanted.until),
        own=wanted.own,
    )


def memory(told: wire.Memory) -> Memory:
    return Memory(
        id=told.id,
        kind=wire.Kind.Name(told.kind).removeprefix(_KIND).lower(),
        tier=wire.Tier.Name(told.tier).removeprefix(_TIER).lower(),
        text=told.text,
        happened_at=_time(told.happened_at),
        created_at=_time(told.created_at),
        session=told.session,
        importance=told.importance,
        pinned=told.pinned,
        shared=told.shared,
        role=told.role,
        people=tuple(told.people),
        source=_source(told.source) if told.HasField("source") else None,
        made_of=tuple(told.made_of),
        uses=told.uses,
        used_at=_time(told.used_at) if told.HasField("used_at") else None,
        votes=told.votes,
        strength=told.strength,
        embedded=told.embedded,
    )


def found(hits: Iterable[wire.Hit], without: Iterable[str]) -> Found:
    return Found(tuple(map(_hit, hits)), tuple(without))


def session(told: wire.Session) -> Session:
    return Session(told.id, told.turns, _time(told.began_at), _time(told.last_at), told.summary)


def document(told: wire.Document) -> Document:
    return Document(
        id=told.id,
        name=told.name,
        media_type=told.media_type,
        bytes=told.bytes,
        digest=told.digest,
        characters=told.characters,
        pages=told.pages,
        chunks=told.chunks,
        embedded=told.embedded,
        shared=told.shared,
        created_at=_time(told.created_at),
    )


def _hit(told: wire.Hit) -> Hit:
    why = told.why
    return Hit(
        memory(told.memory),
        told.score,
        Why(
            why.word_rank,
            why.bm25,
            tuple(why.words),
            why.vector_rank,
            why.cosine,
            why.strength,
            why.reranked if why.HasField("reranked") else None,
        ),
    )


def _source(told: wire.Source) -> Source:
    return Source(told.document, told.name, told.start, told.end, told.page)


def _time(moment: Timestamp) -> datetime:
    return moment.ToDatetime(tzinfo=UTC)
