"""What is remembered: what both clients send, and what they make of the answers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from colonnade.client import Citation, Document, Hit, Memory, MemoryUse, Passage, Session, Source, Why
from colonnade.errors import InvalidArgument, NotFound, TooLarge
from tests.unit.client.platform import ENDING, Caller, answer, events, got, items, refused

AT = "2030-01-02T03:04:05Z"
MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
MEMORY = {
    "id": "mem_1", "kind": "chunk", "tier": "long", "text": "Tea.", "session": "", "role": "",
    "importance": 0.5, "pinned": False, "shared": True, "people": ["Ann"], "happened_at": AT,
    "created_at": AT, "document": {"id": "doc_1", "name": "Book", "start": 3, "end": 7, "page": 2},
    "made_of": [], "uses": 1, "used_at": None, "votes": 0, "strength": 1.0, "embedded": True, "newer": 1,
}  # fmt: skip
WHY = {
    "word_rank": 1, "bm25": 2.5, "words": ["tea"], "vector_rank": None, "cosine": 0.0, "strength": 1.0,
    "reranked": None,
}  # fmt: skip
DOCUMENT = {
    "id": "doc_1", "name": "Book", "media_type": "text/plain", "bytes": 4, "digest": "sha256:d",
    "characters": 4, "pages": None, "chunks": 1, "embedded": 0, "shared": False, "created_at": AT,
}  # fmt: skip
READ = Source("doc_1", "Book", 3, 7, 2)
EXCHANGE = {"session": "s1", "recall": {"limit": 3}, "remember": True}
CITED = {
    "number": 1, "id": "mem_1", "kind": "chunk", "text": "Tea.", "document": MEMORY["document"], "why": WHY,
    "score": 0.5,
}  # fmt: skip


async def test_something_is_remembered_under_a_key(caller: Caller) -> None:
    caller.answers = [httpx.ReadError("gone"), answer(MEMORY, 201), answer(MEMORY, 201)]
    client = caller.client()
    kept = await got(client.memory.remember("Tea."))
    assert isinstance(kept, Memory)
    assert (kept.id, kept.document, kept.people, kept.happened_at) == ("mem_1", READ, ("Ann",), MOMENT)
    await got(
        client.memory.remember(
            "We met.", kind="episode", tier="long", session="s1", importance=0.0, pinned=False,
            people=("Ann",), happened_at=MOMENT, subject="ann", idempotency_key="mine",
        )
    )  # fmt: skip
    assert caller.bodies == [
        *[{"text": "Tea."}] * 2,
        {
            "text": "We met.", "kind": "episode", "tier": "long", "session": "s1", "importance": 0.0,
            "pinned": False, "people": ["Ann"], "happened_at": "2030-01-02T03:04:05+00:00", "subject": "ann",
        },
    ]  # fmt: skip
    first, again, mine = [request.headers["idempotency-key"] for request in caller.requests]
    assert (first == again, mine) == (True, "mine")
    assert {request.url.path for request in caller.requests} == {"/memory/remember"}


async def test_it_is_found_with_why(caller: Caller) -> None:
    hits = [{"memory": MEMORY, "score": 0.5, "why": WHY}]
    caller.answers = [answer({"hits": hits, "without": ["rerank"]}), answer({"hits": [], "without": []})]
    client = caller.client()
    found = await got(client.memory.search("tea?"))
    assert [(type(hit), hit.score, hit.why) for hit in found.hits] == [
        (Hit, 0.5, Why(1, 2.5, ("tea",), strength=1.0))
    ]
    assert found.without == ("rerank",)
    await got(
        client.memory.search(
            "tea?", limit=3, rerank=True, kinds=["fact"], documents=("doc_1",), since=MOMENT, own=True
        )
    )
    assert caller.bodies == [
        {"query": "tea?"},
        {
            "query": "tea?", "limit": 3, "rerank": True, "kinds": ["fact"], "documents": ["doc_1"],
            "since": "2030-01-02T03:04:05+00:00", "own": True,
        },
    ]  # fmt: skip


async def test_all_pages_are_listed(caller: Caller) -> None:
    session = {"id": "a b", "turns": 2, "summary": "", "began_at": AT, "last_at": AT}
    caller.answers = [
        answer({"memories": [MEMORY] * 100, "next_page_token": "t"}),
        answer({"memories": [MEMORY], "next_page_token": ""}),
        answer({"memories": [MEMORY] * 2, "next_page_token": "t"}),
        answer({"sessions": [session], "next_page_token": ""}),
        answer({"documents": [DOCUMENT], "next_page_token": "t"}),
        answer({"documents": [DOCUMENT], "next_page_token": ""}),
    ]
    client = caller.client()
    assert len(await got(client.memory.list(kinds=["fact"], session="s1"))) == 101
    assert len(await got(client.memory.list(limit=2, subject="ann"))) == 2
    assert await got(client.memory.list(limit=0)) == []
    assert await got(client.memory.sessions(subject="ann")) == [Session("a b", 2, "", MOMENT, MOMENT)]
    assert [type(each) for each in await got(client.memory.documents.list(subject="zoë"))] == [Document] * 2
    wanted = {"kinds": ["fact"], "session": "s1"}
    assert caller.bodies == [
        {"page_size": 100} | wanted, {"page_size": 100, "page_token": "t"} | wanted,
        {"page_size": 2, "subject": "ann"}, {"page_size": 100, "subject": "ann"},
    ]  # fmt: skip
    assert [request.url.query.decode() for request in caller.requests[4:]] == [
        "page_size=100", "page_size=100&page_token=t",
    ]  # fmt: skip
    assert {request.headers["x-memory-subject"] for request in caller.requests[4:]} == {"zo%C3%AB"}


async def test_memories_are_weighed_and_forgotten(caller: Caller) -> None:
    caller.answers = [
        answer(MEMORY), answer(MEMORY | {"pinned": True}), answer(MEMORY | {"votes": -1}),
        httpx.Response(204),
        answer({"forgotten": 4}), refused(404, "not_found"),
    ]  # fmt: skip
    memory = caller.client().memory
    assert (await got(memory.get("mem_1"))).id == "mem_1"
    assert (await got(memory.revise("mem_1", pinned=True))).pinned
    assert (await got(memory.rate("mem_1", False, subject="ann"))).votes == -1
    assert await got(memory.forget("mem_1")) is None
    assert await got(memory.end_session("s1")) == 4
    with pytest.raises(NotFound):
        await got(memory.get("mem_9"))
    acts = ["get", "revise", "rate", "forget", "sessions/end", "get"]
    assert [request.url.path for request in caller.requests] == [f"/memory/{act}" for act in acts]
    assert caller.bodies == [
        {"id": "mem_1"}, {"id": "mem_1", "pinned": True}, {"id": "mem_1", "useful": False, "subject": "ann"},
        {"id": "mem_1"}, {"session": "s1"}, {"id": "mem_9"},
    ]  # fmt: skip
    assert all(request.method == "POST" for request in caller.requests), "nothing personal is in a URL"


async def test_a_document_is_sent_as_it_is_read(caller: Caller, tmp_path: Path) -> None:
    path = tmp_path / "Café 50%.md"
    path.write_bytes(b"x" * 100_000)
    shown: list[tuple[int, int]] = []
    caller.answers = [answer(DOCUMENT, 201), answer(DOCUMENT, 201)]
    documents = caller.client().memory.documents
    kept = await got(documents.add(path, show=lambda sent, total: shown.append((sent, total))))
    assert (kept.id, kept.pages) == ("doc_1", None)
    await got(
        documents.add(
            b"<p>", name="a", media_type="text/html", shared=True, subject="zoë", idempotency_key="k"
        )
    )
    file, text = caller.requests
    assert file.content == b"x" * 100_000
    assert (file.headers["content-type"], file.headers["content-length"]) == ("text/markdown", "100000")
    assert "transfer-encoding" not in file.headers
    assert (file.headers["x-document-name"], file.headers["x-document-shared"]) == (
        "Caf%C3%A9%2050%25.md",
        "false",
    )
    assert shown == [(65_536, 100_000), (100_000, 100_000)]
    told = ("content-type", "x-document-name", "x-document-shared", "x-memory-subject", "idempotency-key")
    assert [text.headers[name] for name in told] == ["text/html", "a", "true", "zo%C3%AB", "k"]
    assert (text.method, text.url.path, text.content) == ("POST", "/memory/documents", b"<p>")


async def test_a_document_whose_connection_broke_is_sent_again_whole(caller: Caller, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Tea.")
    caller.answers = [httpx.WriteError("gone"), answer(DOCUMENT, 201)]
    await got(caller.client().memory.documents.add(path))
    assert [request.content for request in caller.requests] == [b"Tea."] * 2
    assert len({request.headers["idempotency-key"] for request in caller.requests}) == 1


async def test_documents_are_read_and_deleted(caller: Caller) -> None:
    caller.answers = [
        answer({"document": DOCUMENT, "text": "Tea.", "start": 0}),
        answer({"document": DOCUMENT, "text": "ea", "start": 1}), httpx.Response(204),
    ]  # fmt: skip
    documents = caller.client().memory.documents
    passage = await got(documents.get("doc_1"))
    assert (type(passage), passage.text, passage.document.name) == (Passage, "Tea.", "Book")
    await got(documents.get("doc_1", start=1, end=3, subject="ann"))
    assert await got(documents.delete("doc_1", subject="ann")) is None
    assert [(each.method, each.url.raw_path.decode()) for each in caller.requests] == [
        ("GET", "/memory/documents/doc_1?start=0"), ("GET", "/memory/documents/doc_1?start=1&end=3"),
        ("DELETE", "/memory/documents/doc_1"),
    ]  # fmt: skip
    assert [each.headers.get("x-memory-subject") for each in caller.requests] == [None, "ann", "ann"]


async def test_what_cannot_be_a_document(caller: Caller, tmp_path: Path) -> None:
    documents = caller.client().memory.documents
    (tmp_path / "picture.xyzzy").write_bytes(b"x")
    for file, name, field in (
        (b"x", None, "name"), (b"x", "a", "media_type"), (tmp_path / "picture.xyzzy", None, "media_type"),
        (tmp_path / "none.txt", None, "file"), (tmp_path, None, "file"),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument) as refusal:
            await got(documents.add(file, name=name))
        assert refusal.value.details["field"] == field
    assert caller.requests == []
    caller.answers = [refused(413, "too_large", details={"field": "body", "limit": 3})]
    with pytest.raises(TooLarge):
        await got(documents.add(b"Tea.", name="a.txt"))


def _used(told: Any) -> None:
    assert told == MemoryUse(
        (Citation(1, "mem_1", "chunk", "Tea.", READ, Why(1, 2.5, ("tea",), strength=1.0), 0.5),),
        2,
        (),
        None,
        True,
    )


async def test_an_answer_says_what_it_recalled(caller: Caller) -> None:
    without = {"unavailable": "away", "remembered": False, "why_not": "x"}
    used = {"citations": [CITED], "session_turns": 2, "without": [], "remembered": True}
    caller.answers = [
        answer(ENDING | {"text": "Tea.", "memory": used}),
        events({"id": "gen-1", "text": "Tea."}, ENDING | {"memory": used}),
        answer(ENDING | {"text": "Tea.", "memory": without}),
        answer(ENDING | {"text": "Tea."}),
    ]  # fmt: skip
    client = caller.client()
    _used((await got(client.generate("Tea?", memory=EXCHANGE))).memory)
    stream = client.stream("Tea?", memory=EXCHANGE)
    if hasattr(stream, "__aenter__"):
        async with stream:
            await items(stream)
    else:
        with stream:
            await items(stream)
    _used(stream.result.memory)
    assert (await got(client.generate("Tea?", memory=EXCHANGE))).memory == MemoryUse(
        unavailable="away", remembered=False, why_not="x"
    )
    assert (await got(client.generate("Tea?"))).memory is None
    assert [body.get("memory") for body in caller.bodies] == [EXCHANGE] * 3 + [None]
