"""Documents: added whole or not at all, shown in parts, shared by some, deleted with their pieces."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from colonnade.errors import (
    ColonnadeError,
    Conflict,
    InvalidArgument,
    NotFound,
    Overloaded,
    PermissionDenied,
    TooLarge,
    Unavailable,
    Unsupported,
)
from colonnade.memory.domain.documents import Document
from colonnade.memory.domain.search import Filter
from colonnade.memory.service.documents import Bounds, NewDocument
from colonnade.security.identity import Principal
from tests.unit.memory.house import ANN, BOB, BOSS, EVE, House

PAPER = NewDocument("paper.txt", "text/plain")
TEXT = b"The first paragraph.\n\nThe second one: \xc3\xa4\xc3\xb6\xc3\xbc."


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for each in content:
        yield each


async def add(
    house: House, new: NewDocument = PAPER, content: bytes = TEXT, who: Principal = EVE, key: str = ""
) -> Document:
    return await house.documents.add(new, pieces(content[:7], content[7:]), who, key)


async def test_its_pieces_say_where_they_stand() -> None:
    house = House()
    document = await add(house)
    assert (document.bytes, document.chunks, document.scope.subject) == (len(TEXT), 2, "eve")
    assert document.digest == f"sha256:{hashlib.sha256(TEXT).hexdigest()}"
    found, _ = await house.memories.page(Filter(documents=frozenset({document.id})), EVE)
    text = TEXT.decode()
    for chunk in found:
        assert chunk.source is not None
        assert text[chunk.source.start : chunk.source.end] == chunk.text
        assert (chunk.source.document, chunk.source.name) == (document.id, "paper.txt")
    assert [chunk.text for chunk in found] == text.split("\n\n")[::-1], "newest first, as they follow"
    assert house.heard.additions == 1


async def test_shown_in_parts() -> None:
    house = House()
    document, text = await add(house), TEXT.decode()
    whole = await house.documents.get(document.id, EVE)
    assert (whole.text, whole.start, whole.document) == (text, 0, document)
    part = await house.documents.get(document.id, EVE, start=4, end=9)
    assert (part.text, part.start) == (text[4:9], 4)
    behind = await house.documents.get(document.id, EVE, start=1000, end=2000)
    assert (behind.text, behind.start) == ("", len(text))
    for start, end, field in ((-1, 5, "start"), (6, 5, "start"), (0, 1_000_001, "end")):
        with pytest.raises(InvalidArgument) as refused:
            await house.documents.get(document.id, EVE, start=start, end=end)
        assert refused.value.details["field"] == field


async def test_a_long_one_shows_ten_thousand_characters() -> None:
    house = House()
    document = await add(house, content=b"x" * 25_000)
    assert len((await house.documents.get(document.id, EVE)).text) == 10_000
    assert len((await house.documents.get(document.id, EVE, start=20_000)).text) == 5_000


async def test_too_large_is_refused_while_it_comes() -> None:
    house = House(bounds=Bounds(content_bytes=1000))
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 300
            yield b"x" * 300

    with pytest.raises(TooLarge, match="COLONNADE_MEMORY_DOCUMENT_BYTES") as refused:
        await house.documents.add(PAPER, endless(), EVE)
    assert refused.value.details == {"field": "content", "limit": 1000}
    assert taken == 1200
    assert not house.store.kept
    assert (await add(house, content=b"x" * 1000)).bytes == 1000


@pytest.mark.parametrize(
    ("new", "content", "error", "field"),
    [
        (PAPER, b"", InvalidArgument, "content"), (PAPER, b"\xff\xfe\xfd", InvalidArgument, "content"),
        (NewDocument("x", "image/png"), b"x", Unsupported, "media_type"),
        (NewDocument("x", ""), b"x", Unsupported, "media_type"),
        (NewDocument("x", "application/pdf"), b"x", Unsupported, "media_type"),
        (NewDocument("", "text/plain"), b"x", InvalidArgument, "name"),
        (NewDocument("a\nb", "text/plain"), b"x", InvalidArgument, "name"),
        (NewDocument("é" * 257, "text/plain"), b"x", TooLarge, "name"),
    ],
)  # fmt: skip
async def test_bad_ones_leave_nothing(
    new: NewDocument, content: bytes, error: type[ColonnadeError], field: str
) -> None:
    house = House()
    with pytest.raises(error) as refused:
        await add(house, new, content)
    assert refused.value.details["field"] == field
    assert not house.store.kept
    assert not house.store.memories


async def test_a_type_may_have_parameters() -> None:
    document = await add(House(), NewDocument("x", "Text/Plain; charset=utf-8"))
    assert document.media_type == "text/plain"


async def test_a_key_is_used_once() -> None:
    house = House()
    first = await add(house, key="k")
    assert (await add(house, key="k")).id == first.id
    with pytest.raises(Conflict):
        await add(house, content=b"another", key="k")
    assert len(house.store.kept) == 1
    assert house.heard.additions == 1


async def test_only_some_may_share_and_all_of_the_tenant_see_it() -> None:
    house = House()
    shared = NewDocument("rules", "text/plain", shared=True)
    with pytest.raises(PermissionDenied, match="admin, model_engineer"):
        await add(house, shared)
    assert not house.reader.read_, "nobody reads what may not be kept"
    document = await add(house, shared, who=BOSS)
    assert document.scope.subject == ""
    assert (await house.documents.get(document.id, BOB)).text == TEXT.decode()
    with pytest.raises(NotFound):
        await house.documents.get(document.id, ANN)
    with pytest.raises(PermissionDenied):
        await house.documents.delete(document.id, BOB)
    await house.documents.delete(document.id, BOSS)
    assert not house.store.kept


async def test_lists_and_deletes_what_is_one_s_own() -> None:
    house = House()
    made = [(await add(house, NewDocument(f"paper {number}", "text/plain"))).id for number in range(3)]
    await add(house, who=BOB)
    first, page = await house.documents.page(EVE, limit=2)
    second, end = await house.documents.page(EVE, limit=2, page=page)
    assert ([document.id for document in (*first, *second)], end) == (made[::-1], "")
    with pytest.raises(NotFound):
        await house.documents.delete(made[0], BOB)
    await house.documents.delete(made[0], EVE)
    with pytest.raises(NotFound):
        await house.documents.delete(made[0], EVE)
    assert {memory.source.document for memory in house.store.memories.values() if memory.source} >= {made[1]}
    assert not [
        each for each in house.store.memories.values() if each.source and each.source.document == made[0]
    ]
    assert len(house.heard.removals) == 1


async def test_records_have_ids_and_counts_and_no_names() -> None:
    house = House()
    document = await add(house, NewDocument("Eve's diary", "text/plain"))
    await house.documents.delete(document.id, EVE)
    added, deleted = house.trail.records[1], house.trail.records[3]
    assert (added[0], added[2]) == ("memory.document.add", "ok")
    assert added[3] == {
        "media_type": "text/plain", "shared": False, "document": document.id, "bytes": len(TEXT), "chunks": 2
    }  # fmt: skip
    assert (deleted[0], deleted[3]) == ("memory.document.delete", {"document": document.id, "chunks": 2})
    assert "diary" not in repr(house.trail.records)


async def test_what_cannot_be_recorded_is_not_kept() -> None:
    house = House()
    house.trail.failure = Unavailable("the audit log cannot be written")
    with pytest.raises(Unavailable):
        await add(house)
    assert not house.store.kept


async def test_only_so_many_come_at_once() -> None:
    house = House(bounds=Bounds(at_once=2))
    go = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await go.wait()

    coming = [asyncio.create_task(house.documents.add(PAPER, slow(), EVE)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="DOCUMENTS_AT_ONCE"):
        await add(house)
    go.set()
    await asyncio.gather(*coming)
    assert (await add(house)).chunks == 2
