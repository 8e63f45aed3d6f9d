"""Every store keeps documents whole, in slices, and knows what sessions there are."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.adapters.tables import SLICE
from colonnade.memory.domain.memories import Tier
from colonnade.memory.domain.search import Filter
from colonnade.memory.domain.sessions import Session
from colonnade.memory.ports import MemoryStore
from colonnade.security.inputs.once import Once
from tests.unit.memory.fakes import ANN, BOB, EVE, START, document, memory, turn

ALL = Filter()
ONCE = Once("acme/eve", "key-1", "f" * 64)


async def test_a_document_is_kept_with_its_chunks(store: MemoryStore) -> None:
    found, text, chunks = document(1, "Ünïcode 😀 " * 40)
    assert await store.add_document(found, text, chunks, None) == found
    assert await store.find_document([EVE.shared, EVE], found.id) == found
    assert dict(await store.find([EVE], [chunk.id for chunk in chunks])) == {each.id: each for each in chunks}
    for scopes, unknown in (([BOB, EVE.shared], found.id), ([EVE], "doc_9"), ([], found.id)):
        with pytest.raises(NotFound, match=unknown):
            await store.find_document(scopes, unknown)
        with pytest.raises(NotFound, match=unknown):
            await store.text_of(scopes, unknown, 0, 5)


async def test_its_text_is_read_in_slices_of_characters(store: MemoryStore) -> None:
    """Five megabytes of characters that take one to four bytes each."""
    draw = random.Random(3)
    text = "".join(draw.choices("aé漢😀\n\u0301", k=2_500_000))
    assert len(text.encode()) > 5_000_000
    found, read, _ = document(1, "")
    await store.add_document(replace(found, characters=len(text)), replace(read, text=text), [], None)
    places = [0, 1, SLICE - 1, SLICE, SLICE + 1, 5 * SLICE, len(text) - 1, len(text), len(text) + 5]
    for start in places:
        for end in (start, start + 1, start + SLICE, start + 3 * SLICE + 7):
            assert await store.text_of([EVE], found.id, start, end) == text[start:end]
    assert await store.text_of([EVE], found.id, 0, len(text)) == text
    assert await store.text_of([EVE], found.id, 7, 3) == ""


async def test_a_document_is_kept_whole_or_not_at_all(sql_store: SqlMemoryStore) -> None:
    found, text, chunks = document(1, "a canary sings " * 40)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await sql_store.add_document(found, text, [*chunks, chunks[0]], None)
    assert await sql_store.page([EVE], ALL, before="", limit=9) == []
    assert await sql_store.by_words([EVE], "canary", ALL, 9) == []
    assert await sql_store.documents([EVE], before="", limit=9) == []
    assert await sql_store.scopes(after=None, limit=9) == []


async def test_under_a_key_a_document_is_added_once(store: MemoryStore) -> None:
    many = [document(number, f"text {number}") for number in range(1, 11)]
    kept = await asyncio.gather(*(store.add_document(*each, ONCE) for each in many))
    assert len({each.id for each in kept}) == 1
    assert len(await store.page([EVE], ALL, before="", limit=99)) == kept[0].chunks
    with pytest.raises(Conflict):
        await store.add_document(*document(20, "other"), replace(ONCE, fingerprint="0" * 64))
    shared = await store.add_document(*document(21, "other", EVE.shared), replace(ONCE, key="key-2"))
    assert await store.add_document(*document(22, "x", EVE.shared), replace(ONCE, key="key-2")) == shared
    assert (await store.add(memory(1), ONCE)).id == memory(1).id  # a memory is something else


async def test_documents_come_newest_first_while_others_come(store: MemoryStore) -> None:
    for number in range(1, 10):
        await store.add_document(*document(number, "text", (EVE, EVE.shared)[number % 2]), None)
        await store.add_document(*document(number, "text", (BOB, ANN)[number % 2]), None)
    seen: list[str] = []
    while page := await store.documents([EVE, EVE.shared], before=seen[-1] if seen else "", limit=4):
        seen += [each.id for each in page]
        await store.add_document(*document(50 + len(seen), "text"), None)
    assert seen == [document(number, "")[0].id for number in range(9, 0, -1)]


async def test_a_deleted_document_leaves_nothing(store: MemoryStore) -> None:
    found, text, chunks = document(1, "a canary sings")
    for scope in (EVE, BOB):
        mine = [replace(chunk, scope=scope) for chunk in chunks]
        await store.add_document(replace(found, scope=scope), text, mine, None)
    await store.add(memory(1, "a canary"))
    assert not await store.delete_document(EVE.shared, found.id)
    assert not await store.delete_document(EVE, "")
    assert await store.delete_document(EVE, found.id)
    assert not await store.delete_document(EVE, found.id)
    assert [each.id for each in await store.by_words([EVE], "canary", ALL, 9)] == [memory(1).id]
    assert [each.id for each in await store.by_words([BOB], "canary", ALL, 9)] == [chunks[0].id]
    with pytest.raises(NotFound):
        await store.text_of([EVE], found.id, 0, 5)
    assert await store.text_of([BOB], found.id, 2, 8) == "canary"


async def test_sessions_are_what_their_turns_are(store: MemoryStore) -> None:
    assert await store.session(EVE, "a") is None
    for number, name in ((1, "a"), (2, "b"), (3, "a"), (4, "c"), (5, "%")):
        await store.add(turn(number, session=name))
    await store.add(memory(6, session="d"))  # no turn, so no session
    await store.add(turn(7, session="a", scope=BOB))

    def second(number: int) -> timedelta:
        return timedelta(seconds=number)

    a = Session("a", 2, START + second(1), START + second(3))
    assert await store.session(EVE, "a") == a
    assert await store.session(EVE, "d") is None
    assert await store.session(EVE.shared, "a") is None
    assert [each.id for each in await store.sessions(EVE, before="", limit=9)] == ["%", "c", "a", "b"]
    assert (await store.sessions(EVE, before="c", limit=1)) == [a]
    assert [each.id for each in await store.sessions(EVE, before="a", limit=9)] == ["b"]
    assert await store.sessions(EVE, before="b", limit=9) == []


async def test_sessions_of_one_moment_are_paged_without_gaps(store: MemoryStore) -> None:
    names = ["ä", "z", "Z", "a", "😀", "_", "a b", "10", "9"]
    for number, name in enumerate(names):
        await store.add(turn(number, session=name, happened_at=START))
    seen: list[str] = []
    while page := await store.sessions(EVE, before=seen[-1] if seen else "", limit=2):
        seen += [each.id for each in page]
        await store.add(turn(100 + len(seen), session=f"new {len(seen)}"))
    assert seen == sorted(names, reverse=True)


async def test_a_page_after_a_session_that_has_ended_is_refused(store: MemoryStore) -> None:
    for number, name in enumerate("abc"):
        await store.add(turn(number, session=name))
    await store.end_session(EVE, "b")
    for gone in ("b", "never"):
        with pytest.raises(InvalidArgument, match=f"session {gone} has ended") as refused:
            await store.sessions(EVE, before=gone, limit=2)
        assert refused.value.details["field"] == "page"


async def test_an_ended_session_is_forgotten(store: MemoryStore) -> None:
    kept = [
        memory(3, "a fact from it", session="s"),
        turn(4, session="t"),
        turn(5, scope=BOB),
        memory(6, session="t", tier=Tier.TASK),
    ]
    for each in (turn(1), turn(2), memory(7, session="s", tier=Tier.TASK), *kept):
        await store.add(each)
    await store.summarise(EVE, "s", "they said hello", turn(2).id)
    assert await store.end_session(EVE, "s") == 3
    assert await store.end_session(EVE, "s") == 0
    assert await store.end_session(EVE, "") == 0
    assert await store.session(EVE, "s") is None
    left = [
        *await store.page([EVE], ALL, before="", limit=9),
        *await store.page([BOB], ALL, before="", limit=9),
    ]
    assert sorted(each.id for each in left) == [each.id for each in kept]
    await store.add(turn(8))
    again = await store.session(EVE, "s")
    assert again is not None
    assert (again.turns, again.summary, again.summarised) == (1, "", "")


async def test_a_summary_is_kept_until_its_session_ends_or_it_is_taken_away(store: MemoryStore) -> None:
    for number in (1, 2, 3):
        await store.add(turn(number))
    for summary, up_to in (("first", turn(1).id), ("sécond 😀", turn(2).id)):
        await store.summarise(EVE, "s", summary, up_to)
        found = await store.session(EVE, "s")
        assert found is not None
        assert (found.summary, found.summarised, found.turns) == (summary, up_to, 3)
        assert await store.sessions(EVE, before="", limit=9) == [found]
    await store.forget(EVE, [turn(1).id])  # faded, say: what it came to stays
    await store.summarise(EVE, "s", "of a turn that is gone", turn(1).id)
    await store.summarise(BOB, "s", "of another's", turn(2).id)
    await store.summarise(EVE, "other", "of another session's turn", turn(2).id)
    found = await store.session(EVE, "s")
    assert found is not None
    assert found.summary == "sécond 😀"
    await store.summarise(EVE, "s", "", "")
    found = await store.session(EVE, "s")
    assert found is not None
    assert (found.summary, found.summarised) == ("", "")


async def test_a_summary_goes_with_the_last_turn(store: MemoryStore) -> None:
    await store.add(turn(1))
    await store.summarise(EVE, "s", "hello", turn(1).id)
    await store.forget(EVE, [turn(1).id])
    await store.add(turn(2))
    found = await store.session(EVE, "s")
    assert found is not None
    assert found.summary == ""


async def test_a_summary_that_comes_after_the_end_is_dropped(store: MemoryStore) -> None:
    """Even where the name is in use again."""
    await store.add(turn(1))
    await store.end_session(EVE, "s")
    await store.summarise(EVE, "s", "late", turn(1).id)
    await store.add(turn(2))
    await store.summarise(EVE, "s", "late", turn(1).id)
    found = await store.session(EVE, "s")
    assert found is not None
    assert found.summary == ""
