"""What the platform remembers: what is sent, and how the answers are read."""

import mimetypes
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request, _given, _path
from colonnade.client.contents import Content, Show
from colonnade.client.results.memory import Document, Found, Memory, Passage, Session
from colonnade.errors import InvalidArgument

_T = TypeVar("_T")
_PAGE = 100
_ROOT = ("memory", "documents")
_TYPES = {
    ".txt": "text/plain", ".md": "text/markdown", ".markdown": "text/markdown", ".html": "text/html",
    ".htm": "text/html", ".pdf": "application/pdf",
}  # fmt: skip


class MemoryFilter(TypedDict, total=False):
    """Which memories; what is left out is not asked for."""

    kinds: Sequence[str] | None
    """``turn``, ``episode``, ``fact``, ``chunk``."""
    session: str | None
    documents: Sequence[str] | None
    """Ids."""
    since: datetime | None
    until: datetime | None
    own: bool | None
    """Without what the tenant shares."""
    subject: str | None
    """Whose, where the key may speak for others."""


class NewMemory(TypedDict, total=False):
    """What may accompany a text that is to be remembered."""

    kind: str | None
    tier: str | None
    session: str | None
    role: str | None
    importance: float | None
    pinned: bool | None
    people: Sequence[str] | None
    happened_at: datetime | None
    subject: str | None


@dataclass(frozen=True, slots=True)
class _Memories:
    memories: tuple[Memory, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Sessions:
    sessions: tuple[Session, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Documents:
    documents: tuple[Document, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class _Forgotten:
    forgotten: int


_Page = TypeVar("_Page", _Memories, _Sessions, _Documents)


class Listing(Generic[_T]):
    """Pages until there are no more, or enough."""

    def __init__(self, page: Callable[[int, str], Call[tuple[Sequence[_T], str]]], limit: int | None) -> None:
        self._page, self._limit = page, limit
        self._token: str | None = ""
        self.items: list[_T] = []

    def next_call(self) -> Call[tuple[Sequence[_T], str]] | None:
        """None where there is nothing left to ask for."""
        left = _PAGE if self._limit is None else min(self._limit - len(self.items), _PAGE)
        return None if self._token is None or left <= 0 else self._page(left, self._token)

    def take(self, page: tuple[Sequence[_T], str]) -> None:
        self.items += page[0]
        self._token = page[1] or None


def remember(text: str, options: NewMemory, key: str | None) -> Call[Memory]:
    """Safe to repeat: the platform knows the key again."""
    body = _body("remember", text=text, **options)
    request = Request("POST", body[0], body[1], repeatable=True, idempotency_key=key or uuid.uuid4().hex)
    return Call(request, parsing.one(Memory))


def search(query: str, limit: int | None, rerank: bool, wanted: MemoryFilter) -> Call[Found]:
    return _read("search", Found, query=query, limit=limit, rerank=rerank or None, **wanted)


def memories(wanted: MemoryFilter, limit: int | None) -> Listing[Memory]:
    def page(size: int, token: str) -> Call[tuple[Sequence[Memory], str]]:
        path, body = _body("list", page_size=size, page_token=token or None, **wanted)
        request = Request("POST", path, body, repeatable=True)
        return Call(request, _page(_Memories, lambda page: page.memories))

    return Listing(page, limit)


def sessions(subject: str | None, limit: int | None) -> Listing[Session]:
    def page(size: int, token: str) -> Call[tuple[Sequence[Session], str]]:
        path, body = _body("sessions", page_size=size, page_token=token or None, subject=subject)
        request = Request("POST", path, body, repeatable=True)
        return Call(request, _page(_Sessions, lambda page: page.sessions))

    return Listing(page, limit)


def get(memory_id: str, subject: str | None) -> Call[Memory]:
    return _read("get", Memory, id=memory_id, subject=subject)


def revise(
    memory_id: str, importance: float | None, pinned: bool | None, subject: str | None
) -> Call[Memory]:
    return _read("revise", Memory, id=memory_id, importance=importance, pinned=pinned, subject=subject)


def forget(memory_id: str, subject: str | None) -> Call[None]:
    return Call(Request("POST", *_body("forget", id=memory_id, subject=subject)), parsing.nothing)


def rate(memory_id: str, useful: bool, subject: str | None) -> Call[Memory]:
    path, body = _body("rate", id=memory_id, useful=useful, subject=subject)
    return Call(Request("POST", path, body), parsing.one(Memory))


def end_session(session: str, subject: str | None) -> Call[int]:
    path, body = _body("sessions/end", session=session, subject=subject)
    return Call(
        Request("POST", path, body), lambda status, told: parsing.one(_Forgotten)(status, told).forgotten
    )


def documents(subject: str | None, limit: int | None) -> Listing[Document]:
    def page(size: int, token: str) -> Call[tuple[Sequence[Document], str]]:
        query = urlencode({"page_size": size} | ({"page_token": token} if token else {}))
        request = Request("GET", f"{_path(*_ROOT)}?{query}", repeatable=True, headers=_whose(subject))
        return Call(request, _page(_Documents, lambda page: page.documents))

    return Listing(page, limit)


def document(document_id: str, start: int, end: int | None, subject: str | None) -> Call[Passage]:
    query = urlencode({"start": start} | ({} if end is None else {"end": end}))
    path = f"{_path(*_ROOT, document_id)}?{query}"
    return Call(Request("GET", path, repeatable=True, headers=_whose(subject)), parsing.one(Passage))


def delete_document(document_id: str, subject: str | None) -> Call[None]:
    request = Request("DELETE", _path(*_ROOT, document_id), headers=_whose(subject))
    return Call(request, parsing.nothing)


def add_document(
    file: str | Path | bytes,
    name: str | None,
    media_type: str | None,
    shared: bool,
    subject: str | None,
    key: str | None,
    show: Show | None,
) -> Call[Document]:
    """Safe to repeat likewise: a file is read again from its beginning."""
    content, known = Content.of(file, show)
    called = name or known
    if not called:
        raise InvalidArgument("name is needed for bytes: what the document is called", field="name")
    headers = {
        "content-type": media_type or type_of(called),
        "x-document-name": quote(called, safe=""),
        "x-document-shared": "true" if shared else "false",
        "content-length": str(content.size),
    } | (_whose(subject) or {})  # fmt: skip
    request = Request(
        "POST", _path(*_ROOT), pieces=content, headers=headers, repeatable=True,
        idempotency_key=key or uuid.uuid4().hex,
    )  # fmt: skip
    return Call(request, parsing.one(Document))


def type_of(name: str) -> str:
    """By the ending of its name; ``InvalidArgument`` where that says nothing."""
    ending = Path(name).suffix.lower()
    found = _TYPES.get(ending) or mimetypes.types_map.get(ending)
    if found is None:
        raise InvalidArgument(
            f"media_type is needed where the name does not end with one of {', '.join(_TYPES)}",
            field="media_type",
        )
    return found


def _page(
    kind: type[_Page], items: Callable[[_Page], Sequence[_T]]
) -> parsing.Parser[tuple[Sequence[_T], str]]:
    def parse(status: int, body: Any) -> tuple[Sequence[_T], str]:
        page = parsing.one(kind)(status, body)
        return items(page), page.next_page_token

    return parse


def _read(act: str, kind: type[_T], **fields: Any) -> Call[_T]:
    """Of what may be asked twice: it comes to the same."""
    path, body = _body(act, **fields)
    return Call(Request("POST", path, body, repeatable=True), parsing.one(kind))


def _body(act: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return f"/memory/{act}", {name: _json(value) for name, value in _given(**fields).items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def _whose(subject: str | None) -> dict[str, str] | None:
    return {"x-memory-subject": quote(subject, safe="")} if subject else None
