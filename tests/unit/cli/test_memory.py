"""``colonnade memory``, and memory in ``colonnade generate``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.stub import Answer, Stub, error, final

Run = Callable[..., Any]
AT = "2030-01-02T03:04:05Z"
FACT = {
    "id": "mem_1", "kind": "fact", "tier": "long", "text": "Ann prefers\n tea." + " x" * 100, "session": "",
    "role": "", "importance": 0.5, "pinned": False, "shared": False, "people": [], "happened_at": AT,
    "created_at": AT, "document": None, "made_of": [], "uses": 0, "used_at": None, "votes": 0,
    "strength": 0.5, "embedded": True,
}  # fmt: skip
SOURCE = {"id": "doc_1", "name": "Bo\x1b[31mok", "start": 3, "end": 9, "page": 2}
PIECE = FACT | {"id": "mem_2", "kind": "chunk", "text": "At\x1b[2J four.", "document": SOURCE, "pinned": True}
WHY = {
    "word_rank": 1, "bm25": 2.5, "words": ["tea"], "vector_rank": 2, "cosine": 0.75, "strength": 0.5,
    "reranked": None,
}  # fmt: skip
DOCUMENT = {
    "id": "doc_1", "name": "Book", "media_type": "text/plain", "bytes": 2500, "digest": "sha256:d",
    "characters": 2500, "pages": None, "chunks": 3, "embedded": 2, "shared": True, "created_at": AT,
}  # fmt: skip


def test_something_is_remembered(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/memory/remember"] = Answer(201, FACT)
    options = ("--kind", "episode", "--importance", "0.9", "--pinned", "--with", "Ann", "--subject", "bob")
    done = colonnade("memory", "remember", "We met.", *options)
    assert (done.status, done.out, done.err) == (0, "mem_1\n", "")
    assert stub.last.body == {
        "text": "We met.", "kind": "episode", "importance": 0.9, "pinned": True, "people": ["Ann"],
        "subject": "bob",
    }  # fmt: skip
    assert colonnade("memory", "remember", "-", stdin="é\n".encode()).status == 0
    assert stub.last.body == {"text": "é\n"}


def test_it_is_searched(stub: Stub, colonnade: Run) -> None:
    hits = [
        {"memory": PIECE, "score": 0.5, "why": WHY},
        {"memory": FACT, "score": 0.25, "why": WHY | {"word_rank": None, "vector_rank": None}},
    ]
    stub.routes["POST", "/memory/search"] = Answer(body={"hits": hits, "without": ["rerank"]})
    options = ("--limit", "2", "--kind", "fact", "--document", "doc_1", "--rerank", "--session", "s1")
    done = colonnade("memory", "search", "tea?", *options)
    assert done.out.splitlines() == [
        "1. Bo[31mok, page 2, characters 3 to 9 of doc_1  (words tea; likeness 0.75; strength 0.50)",
        "   At[2J four.",
        "2. fact mem_1  (strength 0.50)",
        f"   {('Ann prefers tea.' + ' x' * 100)[:96]} ...",
    ]
    assert done.err == "Searched without rerank.\n"
    assert stub.last.body == {
        "query": "tea?", "limit": 2, "rerank": True, "kinds": ["fact"], "session": "s1",
        "documents": ["doc_1"],
    }  # fmt: skip
    assert json.loads(colonnade("memory", "search", "x", "--json").out)["hits"][0]["why"]["cosine"] == 0.75
    stub.routes["POST", "/memory/search"] = Answer(body={"hits": [], "without": []})
    assert "Nothing that is remembered fits" in colonnade("memory", "search", "x").err


def test_it_is_listed_and_forgotten(stub: Stub, colonnade: Run) -> None:
    page = {"memories": [PIECE, FACT], "next_page_token": "more"}
    stub.routes["POST", "/memory/list"] = Answer(body=page)
    listed = colonnade("memory", "list", "--limit", "2", "--kind", "fact", "--subject", "ann")
    rows = [row.split()[:5] for row in listed.out.splitlines()[1:]]
    assert rows == [
        ["mem_2", "chunk", "2030-01-02", "03:04", "pinned"], ["mem_1", "fact", "2030-01-02", "03:04", "0.50"],
    ]  # fmt: skip
    assert stub.last.body == {"page_size": 2, "kinds": ["fact"], "subject": "ann"}
    assert len(json.loads(colonnade("memory", "list", "--limit", "2", "--json").out)) == 2
    stub.routes["POST", "/memory/list"] = Answer(body={"memories": [], "next_page_token": ""})
    assert "Nothing is remembered" in colonnade("memory", "list").err
    stub.routes["POST", "/memory/forget"] = Answer(204)
    done = colonnade("memory", "forget", "mem_1", "mem_2")
    assert (done.status, done.err) == (0, "Forgotten: mem_1\nForgotten: mem_2\n")
    assert [seen.body for seen in stub.seen[-2:]] == [{"id": "mem_1"}, {"id": "mem_2"}]
    stub.routes["POST", "/memory/forget"] = error(404, "not_found", "there is no memory mem_9")
    assert colonnade("memory", "forget", "mem_9").status == 1


def test_sessions_are_listed_and_ended(stub: Stub, colonnade: Run) -> None:
    session = {"id": "trip to Rome", "turns": 4, "summary": "Of trains.", "began_at": AT, "last_at": AT}
    stub.routes["POST", "/memory/sessions"] = Answer(body={"sessions": [session], "next_page_token": ""})
    row = colonnade("memory", "sessions").out.splitlines()[1]
    assert row.split() == ["trip", "to", "Rome", "4", "2030-01-02", "03:04", "Of", "trains."]
    assert json.loads(colonnade("memory", "sessions", "--json").out)[0]["turns"] == 4
    stub.routes["POST", "/memory/sessions/end"] = Answer(body={"forgotten": 4})
    assert "4 memories forgotten" in colonnade("memory", "sessions", "--end", "trip to Rome").err
    assert stub.last.body == {"session": "trip to Rome"}
    stub.routes["POST", "/memory/sessions"] = Answer(body={"sessions": [], "next_page_token": ""})
    assert "There are no sessions" in colonnade("memory", "sessions").err


def test_documents_are_added(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    stub.routes["POST", "/memory/documents"] = Answer(201, DOCUMENT)
    (tmp_path / "Café.md").write_bytes(b"x" * 200_000)
    (tmp_path / "b.txt").write_bytes(b"Tea.")
    done = colonnade(
        "memory", "documents", "add", str(tmp_path / "Café.md"), str(tmp_path / "b.txt"), "--shared"
    )
    assert (done.status, done.out) == (0, "doc_1\ndoc_1\n")
    assert "Book: 2500 characters in 3 pieces" in done.err
    assert "  send 66 KB of 200 KB  Café.md" in done.err
    first, second = stub.seen
    assert (len(first.body), second.body) == (200_000, b"Tea.")
    told = ("content-type", "x-document-name", "x-document-shared")
    assert [first.headers[name] for name in told] == ["text/markdown", "Caf%C3%A9.md", "true"]
    named = ("--name", "Notes", "--type", "text/html", "--subject", "ann")
    assert colonnade("memory", "documents", "add", str(tmp_path / "b.txt"), *named).status == 0
    sent = stub.last.headers
    assert [sent[name] for name in (*told, "x-memory-subject")] == ["text/html", "Notes", "false", "ann"]


def test_documents_that_cannot_be_added(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "picture.xyzzy"):
        (tmp_path / name).write_bytes(b"x")
    two = (str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    for arguments, status, said in (
        (("none.txt",), 2, "none.txt"),
        ((*two, "--name", "x"), 1, "--name is for one file"),
        ((str(tmp_path / "picture.xyzzy"),), 1, "media_type is needed"),
    ):
        done = colonnade("memory", "documents", "add", *arguments)
        assert (done.status, said in done.err) == (status, True), done
    assert not stub.seen
    stub.routes["POST", "/memory/documents"] = error(
        400, "unsupported", "documents are text", field="content-type"
    )
    refused = colonnade("memory", "documents", "add", two[0])
    assert (refused.status, refused.out) == (1, "")


def test_documents_are_listed_shown_and_deleted(stub: Stub, colonnade: Run) -> None:
    page = {"documents": [DOCUMENT], "next_page_token": ""}
    stub.routes["GET", "/memory/documents?page_size=50"] = Answer(body=page)
    row = colonnade("memory", "documents", "list", "--subject", "ann").out.splitlines()[1]
    assert row.split() == ["doc_1", "Book", "text/plain", "2.5", "KB", "3", "2", "tenant"]
    assert stub.last.headers["x-memory-subject"] == "ann"
    assert json.loads(colonnade("memory", "documents", "list", "--json").out)[0]["id"] == "doc_1"
    passage = {"document": DOCUMENT, "text": "Tea at four.", "start": 10}
    stub.routes["GET", "/memory/documents/doc_1?start=10&end=22"] = Answer(body=passage)
    shown = colonnade("memory", "documents", "show", "doc_1", "--start", "10", "--end", "22")
    assert (shown.out, shown.err) == ("Tea at four.\n", "Book: characters 10 to 22 of 2500\n")
    stub.routes["GET", "/memory/documents/doc_1?start=0"] = Answer(body=passage)
    assert json.loads(colonnade("memory", "documents", "show", "doc_1", "--json").out)["start"] == 10
    stub.routes["DELETE", "/memory/documents/doc_1"] = Answer(204)
    assert colonnade("memory", "documents", "delete", "doc_1").err == "Deleted: doc_1\n"
    assert colonnade("memory", "documents", "delete", "doc_2").status == 1
    stub.routes["GET", "/memory/documents?page_size=50"] = Answer(body=page | {"documents": []})
    assert "There are no documents" in colonnade("memory", "documents", "list").err


@pytest.mark.parametrize("several", [False, True])
def test_generate_recalls_and_tells_of_it(stub: Stub, colonnade: Run, several: bool) -> None:
    citations = [
        {"number": 1, "id": "mem_2", "kind": "chunk", "text": "At\x1b four.\nOr five.", "document": SOURCE,
         "score": 1},
        {"number": 2, "id": "mem_1", "kind": "fact", "text": "x" * 300, "document": None, "score": 1},
    ]  # fmt: skip
    used = {
        "citations": citations,
        "session_turns": 0,
        "without": ["vectors"],
        "remembered": False,
        "why_not": "away",
    }
    ending = final() | {"memory": used}
    choices = [{"index": at, "text": "Tea", "finish_reason": "stop", "seed": 7} for at in range(2)]
    stub.routes["POST", "/generate"] = (
        Answer(body=ending | {"text": "Tea", "choices": choices})
        if several
        else Answer(events=[{"id": "g1", "text": "Tea"}, ending, "data: [DONE]\n\n"])
    )
    options = (
        "--session",
        "s1",
        "--recall",
        "--remember",
        "--subject",
        "ann",
        *(("-n", "2") if several else ()),
    )
    done = colonnade("generate", "Tea?", *options)
    assert (done.status, done.out) == (0, "Tea\nTea\n" if several else "Tea\n")
    assert done.err.splitlines()[-4:] == [
        "[1] Bo[31mok, page 2, characters 3 to 9: At four. Or five.",
        f"[2] fact mem_1: {'x' * 76} ...",
        "Memory was searched without vectors.",
        "Not remembered: away",
    ]
    assert stub.last.body["memory"] == {"session": "s1", "recall": True, "remember": True}
    assert stub.last.body["user"] == "ann"


def test_generate_without_memory(stub: Stub, colonnade: Run) -> None:
    assert colonnade("generate", "Tea?").err == ""
    assert "memory" not in stub.last.body
    away = final() | {"memory": {"unavailable": "memory is away"}}
    stub.routes["POST", "/generate"] = Answer(events=[{"id": "g1", "text": "Tea"}, away, "data: [DONE]\n\n"])
    assert colonnade("generate", "Tea?", "--recall").err == "Nothing was recalled: memory is away\n"
    assert stub.last.body["memory"] == {"recall": True, "remember": False}
