"""``/memory``: what goes to the memory service, as whom, and what comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from colonnade.errors import InvalidArgument, NotFound, TooLarge, Unavailable, Unsupported
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.gateway.domain.memory import MemoryFilter, NewDocument, NewMemory, Question
from colonnade.security.identity import Role
from tests.unit.gateway.every_route import LOCAL
from tests.unit.gateway.fakes import House
from tests.unit.gateway.served import running

AT = "2030-01-02T00:00:00Z"
SHOWN = {
    "id": "mem_1", "kind": "fact", "tier": "long", "text": "Ann prefers tea.", "session": "", "role": "",
    "importance": 0.5, "pinned": False, "shared": False, "people": [], "happened_at": AT, "created_at": AT,
    "document": None, "made_of": [], "uses": 0, "used_at": None, "votes": 0, "strength": 0.5,
    "embedded": False,
}  # fmt: skip
DOCUMENT = {
    "id": "doc_1", "name": "Handbook", "media_type": "text/plain", "bytes": 12, "digest": "sha256:d",
    "characters": 12, "pages": None, "chunks": 1, "embedded": 1, "shared": False, "created_at": AT,
}  # fmt: skip
TEXT = {"content-type": "text/plain", "x-document-name": "Handbook"}


async def test_something_is_remembered_once(house: House, client: httpx.AsyncClient) -> None:
    body = {
        "subject": "ann", "text": "We met.", "kind": "episode", "tier": "task", "session": "s1",
        "importance": 0.9, "pinned": True, "people": ["Bob", "Zoë"],
        "happened_at": "2030-01-02T01:00:00+01:00",
    }  # fmt: skip
    made = await client.post("/memory/remember", json=body, headers={"idempotency-key": "k1"})
    assert (made.status_code, made.json()) == (201, SHOWN | {"text": "We met."})
    plain = await client.post("/memory/remember", json={"text": "x", "session": "s", "role": "user"})
    assert plain.status_code == 201
    at = datetime(2030, 1, 2, tzinfo=UTC)
    assert house.memory.kept == [
        NewMemory("We met.", "episode", "task", "s1", 0.9, True, "", ("Bob", "Zoë"), at, "k1"),
        NewMemory("x", session="s", role="user"),
    ]
    assert house.memory.subjects == ["ann", "local"]


async def test_it_is_found_with_why(house: House, client: httpx.AsyncClient) -> None:
    body = {
        "query": "tea", "limit": 3, "rerank": True, "kinds": ["fact", "chunk", "fact"], "session": "s1",
        "documents": ["doc_1"], "since": AT, "until": "2031-01-02T00:00:00Z", "own": True, "subject": "ann",
    }  # fmt: skip
    found = await client.post("/memory/search", json=body)
    assert found.status_code == 200, found.text
    first, second = found.json()["hits"]
    assert found.json()["without"] == ["vectors"]
    assert first["memory"]["document"] == {
        "id": "doc_1",
        "name": "Handbook",
        "start": 10,
        "end": 22,
        "page": 3,
    }
    assert (second["memory"], second["score"]) == (SHOWN, 0.01)
    assert second["why"] == {
        "word_rank": 1, "bm25": 2.5, "words": ["tea"], "vector_rank": None, "cosine": 0.0, "strength": 0.5,
        "reranked": None,
    }  # fmt: skip
    since, until = (datetime(year, 1, 2, tzinfo=UTC) for year in (2030, 2031))
    wanted = MemoryFilter(("fact", "chunk"), "s1", ("doc_1",), since, until, own=True)
    await client.post("/memory/search", json={"query": "tea"})
    assert house.memory.asked == [
        ("search", Question("tea", 3, wanted, rerank=True)), ("search", Question("tea")),
    ]  # fmt: skip
    assert house.memory.subjects == ["ann", "local"]


async def test_the_rest_of_what_is_done_with_memories(house: House, client: httpx.AsyncClient) -> None:
    id_ = {"id": "mem_1", "subject": "ann"}
    acts = [
        ("get", id_, 200, SHOWN | {"used_at": AT}),
        ("revise", id_ | {"pinned": True}, 200, SHOWN | {"pinned": True}),
        ("revise", id_ | {"importance": 0.0}, 200, SHOWN),
        ("rate", id_ | {"useful": False}, 200, SHOWN | {"votes": -1}),
        ("forget", id_, 204, None),
        (
            "list",
            {"subject": "ann", "kinds": ["fact"]},
            200,
            {"memories": [SHOWN], "next_page_token": "next"},
        ),
        (
            "list",
            {"subject": "ann", "page_size": 7, "page_token": "next"},
            200,
            {"memories": [SHOWN], "next_page_token": ""},
        ),
        ("sessions/end", {"subject": "ann", "session": "s1"}, 200, {"forgotten": 2}),
    ]
    for act, body, status, told in acts:
        answer = await client.post(f"/memory/{act}", json=body)
        assert answer.status_code == status, answer.text
        assert (answer.json() if answer.content else None) == told, act
    sessions = await client.post("/memory/sessions", json={"subject": "ann"})
    told = {"id": "s1", "turns": 2, "summary": "", "began_at": AT, "last_at": AT}
    assert sessions.json() == {"sessions": [told], "next_page_token": "next"}
    assert house.memory.asked == [
        ("get", "mem_1"), ("revise", "mem_1", None, True), ("revise", "mem_1", 0.0, None),
        ("rate", "mem_1", False), ("forget", "mem_1"), ("page", MemoryFilter(("fact",)), 50, ""),
        ("page", MemoryFilter(), 7, "next"), ("end", "s1"), ("sessions", 50, ""),
    ]  # fmt: skip
    assert set(house.memory.subjects) == {"ann"}


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("remember", {}, "text"),
        ("remember", {"text": ""}, "text"),
        ("remember", {"text": "x" * 65_537}, "text"),
        ("remember", {"text": "a\0b"}, "text"),
        ("remember", {"text": "x", "kind": "chunk"}, "kind"),
        ("remember", {"text": "x", "tier": "eternal"}, "tier"),
        ("remember", {"text": "x", "role": "system"}, "role"),
        ("remember", {"text": "x", "importance": 1.1}, "importance"),
        ("remember", {"text": "x", "importance": "high"}, "importance"),
        ("remember", {"text": "x", "pinned": 1}, "pinned"),
        ("remember", {"text": "x", "people": ["a"] * 51}, "people"),
        ("remember", {"text": "x", "people": ["a", "b\n"]}, "people[1]"),
        ("remember", {"text": "x", "happened_at": "yesterday"}, "happened_at"),
        ("remember", {"text": "x", "happened_at": "2030-01-01T00:00:00"}, "happened_at"),
        ("remember", {"text": "x", "session": "s" * 129}, "session"),
        ("remember", {"text": "x", "subject": " ann"}, "subject"),
        ("remember", {"text": "x", "tenant": "acme"}, "tenant"),
        ("search", {}, "query"),
        ("search", {"query": ""}, "query"),
        ("search", {"query": "x", "limit": 0}, "limit"),
        ("search", {"query": "x", "limit": 51}, "limit"),
        ("search", {"query": "x", "kinds": ["gossip"]}, "kinds[0]"),
        ("search", {"query": "x", "documents": ["d"] * 101}, "documents"),
        ("search", {"query": "x", "since": "never"}, "since"),
        ("list", {"page_size": 0}, "page_size"),
        ("list", {"page_size": 201}, "page_size"),
        ("list", {"page_token": "\x00"}, "page_token"),
        ("get", {}, "id"),
        ("get", {"id": ""}, "id"),
        ("get", {"id": "x" * 65}, "id"),
        ("revise", {"id": "mem_1", "importance": -1}, "importance"),
        ("revise", {"id": "mem_1", "text": "other"}, "text"),
        ("rate", {"id": "mem_1"}, "useful"),
        ("sessions/end", {}, "session"),
        ("sessions/end", {"session": ""}, "session"),
    ],
)
async def test_what_makes_no_sense(
    house: House, client: httpx.AsyncClient, act: str, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(f"/memory/{act}", json=body)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error"]["details"]["field"] == field
    assert house.memory.asked == []


async def test_refusals_of_the_memory_service_are_told(house: House, client: httpx.AsyncClient) -> None:
    house.memory.error = NotFound("there is no memory mem_9", field="id")
    missing = await client.post("/memory/get", json={"id": "mem_9"})
    assert (missing.status_code, missing.json()["error"]["details"]["field"]) == (404, "id")
    house.memory.error = Unavailable("the memory service is not reachable")
    away = await client.post("/memory/search", json={"query": "x"})
    assert (away.status_code, "retry-after" in away.headers) == (503, True)


async def test_a_key_of_one_subject_sees_no_others(house: House) -> None:
    pinned = await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.ADMIN}), subject="ann"))
    async with house.client(pinned.secret) as client:
        for act in ("search", "list", "remember"):
            body = {"query": "x"} if act == "search" else {"text": "x"} if act == "remember" else {}
            refused = await client.post(f"/memory/{act}", json=body | {"subject": "bob"})
            assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (403, "subject")
        named = {"x-memory-subject": "bob"}
        for method, path in (("GET", ""), ("GET", "/doc_1"), ("DELETE", "/doc_1"), ("POST", "")):
            refused = await client.request(method, f"/memory/documents{path}", headers=TEXT | named)
            assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (
                403, "x-memory-subject",
            ), path  # fmt: skip
        assert house.memory.asked == []
        assert (await client.post("/memory/list", json={"subject": "ann"})).status_code == 200
        assert (await client.get("/memory/documents")).status_code == 200
    assert house.memory.subjects == ["ann", "ann"]


async def test_a_document_is_kept(house: House, client: httpx.AsyncClient) -> None:
    headers = {
        "content-type": "text/markdown; charset=UTF-8", "x-document-name": "Caf%C3%A9 50%25.md",
        "x-document-shared": "true", "x-memory-subject": "zo%C3%AB", "idempotency-key": "k1",
    }  # fmt: skip
    made = await client.post("/memory/documents", content=b"# Tea", headers=headers)
    told = {"name": "Café 50%.md", "media_type": "text/markdown", "shared": True, "bytes": 5}
    assert (made.status_code, made.json()) == (201, DOCUMENT | told)
    assert house.memory.asked == [("add", NewDocument("Café 50%.md", "text/markdown", True, "k1"))]
    assert (house.memory.subjects, house.memory.contents) == (["zoë"], [b"# Tea"])


async def test_documents_are_listed_shown_and_deleted(house: House, client: httpx.AsyncClient) -> None:
    listed = await client.get("/memory/documents?page_size=7")
    assert listed.json() == {"documents": [DOCUMENT | {"pages": 2}], "next_page_token": "next"}
    assert (await client.get("/memory/documents?page_token=next")).json()["next_page_token"] == ""
    shown = await client.get("/memory/documents/doc_1?start=4&end=6")
    assert shown.json() == {"document": DOCUMENT, "text": "at", "start": 4}
    deleted = await client.delete("/memory/documents/doc_1", headers={"x-memory-subject": "ann"})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert house.memory.asked == [
        ("documents", 7, ""), ("documents", 50, "next"), ("document", "doc_1", 4, 6), ("delete", "doc_1"),
    ]  # fmt: skip
    assert house.memory.subjects == ["local"] * 3 + ["ann"]


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"x-document-name": None}, 400, "x-document-name"),
        ({"x-document-name": ""}, 400, "x-document-name"),
        ({"x-document-name": "a%0Ab"}, 400, "x-document-name"),
        ({"x-document-name": "%ff"}, 400, "x-document-name"),
        ({"x-document-name": b"caf\xe9"}, 400, "x-document-name"),
        ({"x-document-name": "x" * 513}, 413, "x-document-name"),
        ({"x-document-shared": "perhaps"}, 400, "x-document-shared"),
        ({"x-memory-subject": ""}, 400, "x-memory-subject"),
        ({"x-memory-subject": "%00"}, 400, "x-memory-subject"),
        ({"content-type": None}, 415, "content-type"),
        ({"content-type": "text"}, 415, "content-type"),
        ({"content-type": "text/plain; charset=latin-1"}, 415, "content-type"),
        ({"content-encoding": "gzip"}, 415, "content-encoding"),
        ({"content-length": "9" * 12}, 413, "body"),
        ({"idempotency-key": "a b"}, 400, "idempotency-key"),
    ],
)
async def test_a_document_that_makes_no_sense(
    house: House, client: httpx.AsyncClient, headers: dict[str, Any], status: int, field: str
) -> None:
    sent = {name: value for name, value in (TEXT | headers).items() if value is not None}
    refused = await client.post("/memory/documents", content=b"x", headers=sent)
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (status, field)
    assert house.memory.contents == []


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (Unsupported("documents are text", field="media_type"), "content-type"),
        (InvalidArgument("content is no PDF", field="content"), "body"),
        (InvalidArgument("name is long", field="name"), "x-document-name"),
        (TooLarge("content has more", field="content", limit=3), "body"),
    ],
)
async def test_refusals_of_a_document_name_what_was_sent(
    house: House, client: httpx.AsyncClient, error: Any, field: str
) -> None:
    house.memory.error = error
    refused = await client.post("/memory/documents", content=b"x", headers=TEXT)
    told = refused.json()["error"]
    assert (told["details"]["field"], told["message"].startswith(field)) == (
        field, not isinstance(error, Unsupported),
    )  # fmt: skip


@pytest.mark.parametrize("query", ["start=-1", "end=-1", "start=9&end=3", "start=x", f"end={2**63}"])
async def test_a_passage_that_makes_no_sense(house: House, client: httpx.AsyncClient, query: str) -> None:
    refused = await client.get(f"/memory/documents/doc_1?{query}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_argument")
    assert house.memory.asked == []


async def test_a_document_over_the_limit_is_cut_off() -> None:
    house = House(max_document_bytes=100)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    async with house.client() as client:
        refused = await client.post("/memory/documents", content=pieces(), headers=TEXT)
    assert (refused.status_code, refused.json()["error"]["details"]["limit"]) == (413, 100)
    assert (house.memory.contents, house.memory.broken) == ([], 1)


async def test_a_document_that_breaks_off_is_not_kept() -> None:
    async with running() as gateway:
        async with aclosing(await gateway.open()) as wire:
            wire.send(
                b"POST /memory/documents HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/plain\r\n"
                b"x-document-name: a\r\ncontent-length: 1000\r\n\r\nTea at"
            )
            async with asyncio.timeout(10):
                await gateway.house.memory.began.wait()
        await gateway.works()
        assert (gateway.house.memory.contents, gateway.house.memory.broken) == ([], 1)
