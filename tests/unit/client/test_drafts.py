"""Versions in the making: what both clients send, and what they make of the answer."""

import httpx
import pytest

from colonnade.client import DraftFile, FileToSend
from colonnade.client.results import ImportProgress
from colonnade.errors import Conflict, Internal, Unavailable
from tests.unit.client.platform import VERSION, Caller, answer, events, got, items, refused

DIGEST = f"sha256:{'0' * 64}"
FILE = {"path": "a/b c.json", "size_bytes": 9, "digest": DIGEST, "received": 4}
DRAFT = {
    "model": "tiny", "number": 3, "state": "open", "files": [FILE], "created_at": "2030-01-02T03:04:05Z",
    "newer": 1,
}  # fmt: skip


async def test_one_is_begun_under_a_key(caller: Caller) -> None:
    caller.answers = [httpx.ReadError("gone"), answer(DRAFT, 201), answer(DRAFT, 201)]
    client = caller.client()
    draft = await got(client.drafts.begin("tiny", alias="candidate", source="bundled:x"))
    assert (draft.number, draft.ended, draft.files[0].complete) == (3, False, False)
    assert caller.requests[0].url.path == "/models/tiny/versions"
    assert caller.bodies[0] == {"alias": "candidate", "source": "bundled:x"}
    first, again = (request.headers["idempotency-key"] for request in caller.requests)
    assert first == again
    await got(client.drafts.begin("tiny", idempotency_key="mine"))
    assert caller.requests[2].headers["idempotency-key"] == "mine"


async def test_files_are_announced_and_written(caller: Caller) -> None:
    caller.answers = [answer({"files": [FILE]}), answer(FILE | {"received": 9})]
    client = caller.client()
    assert await got(client.drafts.announce("tiny", 3, [FileToSend("a/b c.json", 9, DIGEST)])) == [
        DraftFile("a/b c.json", 9, DIGEST, 4)
    ]
    assert caller.bodies[0] == {"files": [{"path": "a/b c.json", "size_bytes": 9, "digest": DIGEST}]}
    assert (await got(client.drafts.write("tiny", 3, "a/b c.json", 4, b"\x00bytes"))).complete
    sent = caller.requests[1]
    assert (sent.method, sent.url.raw_path) == ("PATCH", b"/models/tiny/drafts/3/files/a/b%20c.json")
    assert sent.headers["content-type"] == "application/offset+octet-stream"
    assert sent.headers["upload-offset"] == "4"
    assert sent.content == b"\x00bytes"


async def test_a_write_is_not_repeated_and_a_conflict_names_the_offset(caller: Caller) -> None:
    caller.answers = [httpx.WriteError("gone"), refused(409, "conflict", details={"offset": 7})]
    client = caller.client()
    with pytest.raises(Unavailable):
        await got(client.drafts.write("tiny", 3, "x", 0, b"x"))
    with pytest.raises(Conflict) as conflict:
        await got(client.drafts.write("tiny", 3, "x", 0, b"x"))
    assert conflict.value.details["offset"] == 7


async def test_it_is_looked_at_listed_and_discarded(caller: Caller) -> None:
    caller.answers = [answer(DRAFT | {"state": "failed"}), answer({"drafts": [DRAFT]}), httpx.Response(204)]
    client = caller.client()
    assert (await got(client.drafts.get("tiny", 3))).ended
    assert [draft.number for draft in await got(client.drafts.list("tiny"))] == [3]
    await got(client.drafts.discard("tiny", 3))
    assert [f"{sent.method} {sent.url.path}" for sent in caller.requests] == [
        "GET /models/tiny/drafts/3",
        "GET /models/tiny/drafts",
        "DELETE /models/tiny/drafts/3",
    ]


async def test_sealing_shows_its_progress(caller: Caller) -> None:
    caller.answers = [
        events({"stage": "convert", "fraction": 0.5}, {"stage": "done", "fraction": 1.0, "version": VERSION})
    ]
    stream = caller.client().drafts.seal("tiny", 3)
    assert (await items(stream))[0] == ImportProgress("convert", 0.5)
    assert stream.result.version == 3


async def test_a_versions_file_is_read_from_anywhere(caller: Caller) -> None:
    caller.answers = [
        httpx.Response(200, content=b"weights"),
        httpx.Response(206, content=b"hts"),
    ]
    client = caller.client()
    assert b"".join(await items(client.drafts.read("tiny", 3, "model.safetensors"))) == b"weights"
    assert b"".join(await items(client.drafts.read("tiny", 3, "model.safetensors", start=4))) == b"hts"
    assert "range" not in caller.requests[0].headers
    assert caller.requests[1].headers["range"] == "bytes=4-"
    assert caller.requests[1].url.path == "/models/tiny/versions/3/files/model.safetensors"


async def test_a_whole_file_is_not_taken_for_its_rest(caller: Caller) -> None:
    """As a proxy gives it that knows no ranges."""
    caller.answers = [httpx.Response(200, content=b"weights")]
    with pytest.raises(Internal, match="a whole file where the rest"):
        await items(caller.client().drafts.read("tiny", 3, "model.safetensors", start=4))
