"""What people have the platform remember, as JSON: what is asked. ``wire_memories`` is what is answered.

Names of sessions and people may be personal: they stand in bodies, never in a URL."""

from typing import Any, Literal

from pydantic import Field

from colonnade.gateway.domain import memory as domain
from colonnade.gateway.domain.limits import (
    MAX_PEOPLE,
    MAX_RECALLED,
    MAX_RECALLED_DOCUMENTS,
    MEMORY_BYTES,
    MEMORY_ID_BYTES,
    SESSION_BYTES,
    Range,
)
from colonnade.gateway.http.moments import moment_of
from colonnade.gateway.http.strict import Strict
from colonnade.security.inputs import check_count, check_text, subject_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE

_LIMIT, _PAGE, IMPORTANCE = Range(1, MAX_RECALLED), Range(1, MAX_PAGE_SIZE), Range(0, 1)
_PERSON_BYTES, _TOKEN_BYTES = 256, 1024
_DEFAULT_PAGE = 50
Kind = Literal["turn", "episode", "fact", "chunk"]
Tier = Literal["short", "task", "long"]
_WHEN: dict[str, Any] = {"format": "date-time"}


class OfSubject(Strict):
    subject: str | None = Field(
        default=None,
        description="Whose memories: as `user` in POST /generate. Default: the key's own subject.",
    )

    @property
    def whose(self) -> str:
        return subject_name(self.subject, "subject") if self.subject else ""


class RememberBody(OfSubject):
    text: str = Field(description="64 KiB of UTF-8 at most.")
    kind: Literal["turn", "episode", "fact"] | None = Field(
        default=None, description="Default: turn with a session, else fact."
    )
    tier: Tier | None = Field(
        default=None, description="short fades in hours, task with its session, long in months."
    )
    session: str | None = Field(default=None, description="Needed for turns, and for the tier task.")
    role: Literal["user", "assistant"] | None = Field(default=None, description="Of a turn: who said it.")
    importance: float | None = Field(
        default=None,
        description="Default 0.5. What matters more fades later.",
        json_schema_extra={"minimum": IMPORTANCE.low, "maximum": IMPORTANCE.high},
    )
    pinned: bool | None = Field(default=None, description="Never fades.")
    people: list[str] | None = Field(default=None, description=f"With whom: at most {MAX_PEOPLE} names.")
    happened_at: str | None = Field(
        default=None, description="As in 2030-01-31T12:00:00Z. Default: now.", json_schema_extra=_WHEN
    )

    def new(self, key: str) -> domain.NewMemory:
        if self.importance is not None:
            IMPORTANCE.check("importance", self.importance)
        return domain.NewMemory(
            text=check_text(self.text, "text", MEMORY_BYTES),
            kind=self.kind or "",
            tier=self.tier or "",
            session=session_name(self.session),
            importance=self.importance,
            pinned=bool(self.pinned),
            role=self.role or "",
            people=_people(self.people or ()),
            happened_at=moment_of(self.happened_at, "happened_at") if self.happened_at else None,
            idempotency_key=key,
        )


class FilterBody(OfSubject):
    kinds: list[Kind] | None = Field(default=None, description="Default: all.")
    session: str | None = Field(default=None, description="Of this session alone.")
    documents: list[str] | None = Field(
        default=None, description=f"In these alone: at most {MAX_RECALLED_DOCUMENTS} ids."
    )
    since: str | None = Field(
        default=None, description="What happened from then on.", json_schema_extra=_WHEN
    )
    until: str | None = Field(default=None, description="What happened before.", json_schema_extra=_WHEN)
    own: bool | None = Field(default=None, description="true: without what the tenant shares.")

    def filter(self) -> domain.MemoryFilter:
        documents = tuple(self.documents or ())
        check_count(len(documents), MAX_RECALLED_DOCUMENTS, "documents")
        for at, document in enumerate(documents):
            memory_id(document, f"documents[{at}]")
        return domain.MemoryFilter(
            kinds=tuple(dict.fromkeys(self.kinds or ())),
            session=session_name(self.session),
            documents=documents,
            since=moment_of(self.since, "since") if self.since else None,
            until=moment_of(self.until, "until") if self.until else None,
            own=bool(self.own),
        )


class SearchBody(FilterBody):
    query: str = Field(description="What is looked for, by its words and by what it means.")
    limit: int | None = Field(
        default=None,
        description="Default 5.",
        json_schema_extra={"minimum": _LIMIT.low, "maximum": _LIMIT.high},
    )
    rerank: bool | None = Field(
        default=None, description="true: a model reads the best and says how well they fit. Takes longer."
    )

    def question(self) -> domain.Question:
        if self.limit is not None:
            _LIMIT.check("limit", self.limit)
        query = check_text(self.query, "query", MEMORY_BYTES)
        return domain.Question(query, self.limit or 0, self.filter(), bool(self.rerank))


def _page_size() -> Any:
    return Field(
        default=None,
        description=f"Default {_DEFAULT_PAGE}.",
        json_schema_extra={"minimum": _PAGE.low, "maximum": _PAGE.high},
    )


class ListBody(FilterBody):
    page_size: int | None = _page_size()
    page_token: str | None = Field(default=None, description="From the answer before.")

    @property
    def page(self) -> tuple[int, str]:
        return page_of(self.page_size, self.page_token)


class SessionsBody(OfSubject):
    page_size: int | None = _page_size()
    page_token: str | None = Field(default=None, description="From the answer before.")

    @property
    def page(self) -> tuple[int, str]:
        return page_of(self.page_size, self.page_token)


class EndBody(OfSubject):
    session: str = Field(description="As it was named.")

    @property
    def ended(self) -> str:
        return check_text(self.session, "session", SESSION_BYTES, controls="line")


class IdBody(OfSubject):
    id: str

    @property
    def wanted(self) -> str:
        return memory_id(self.id, "id")


class ReviseBody(IdBody):
    importance: float | None = Field(
        default=None, json_schema_extra={"minimum": IMPORTANCE.low, "maximum": IMPORTANCE.high}
    )
    pinned: bool | None = Field(default=None, description="Never fades.")

    @property
    def weight(self) -> float | None:
        if self.importance is not None:
            IMPORTANCE.check("importance", self.importance)
        return self.importance


class RateBody(IdBody):
    useful: bool = Field(description="Whether it was of use: what was, fades later.")


def memory_id(text: str, field: str) -> str:
    return check_text(text, field, MEMORY_ID_BYTES, controls="line")


def session_name(text: str | None) -> str:
    return check_text(text or "", "session", SESSION_BYTES, allow_empty=True, controls="line")


def page_of(size: int | None, token: str | None) -> tuple[int, str]:
    if size is not None:
        _PAGE.check("page_size", size)
    checked = check_text(token or "", "page_token", _TOKEN_BYTES, allow_empty=True, controls="line")
    return size or _DEFAULT_PAGE, checked


def _people(names: "list[str] | tuple[str, ...]") -> tuple[str, ...]:
    check_count(len(names), MAX_PEOPLE, "people")
    return tuple(
        check_text(name, f"people[{at}]", _PERSON_BYTES, controls="line") for at, name in enumerate(names)
    )
