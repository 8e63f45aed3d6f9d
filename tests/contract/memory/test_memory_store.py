"""What every store of memories does: in memory, on a file and on a real server."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from colonnade.errors import Conflict, NotFound
from colonnade.memory.domain.memories import Kind, Memory, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import MemoryStore
from colonnade.security.inputs.once import Once
from tests.unit.memory.fakes import ANN, BOB, EVE, START, document, memory, turn

ALL = Filter()
ONCE = Once("acme/eve", "key-1", "f" * 64)
LATER = START + timedelta(days=1, microseconds=1)


async def ids(store: MemoryStore, scopes: Sequence[Scope], wanted: Filter = ALL) -> list[str]:
    return [each.id for each in await store.page(scopes, wanted, before="", limit=1000)]


def episode(number: int) -> Memory:
    return memory(
        number, "Lunch with 'Zoë' & co; DROP TABLE memories;--\n\t😀\u200d",
        kind=Kind.EPISODE, tier=Tier.TASK, session="a\"b'c %_", importance=0.1 + 0.2, pinned=True,
        people=("Zoë", 'Bob "Tables"'), uses=3,
        made_of=("mem_1", "mem_2"), used_at=LATER, votes=-2, happened_at=START - timedelta(days=20_000),
    )  # fmt: skip


async def test_a_memory_is_kept_as_it_was_added(store: MemoryStore) -> None:
    for each in (memory(1), episode(2), turn(3, role="assistant")):
        assert await store.add(each) == each
        assert await store.find([EVE], [each.id]) == {each.id: each}
    assert await store.find([EVE], []) == {}
    assert await store.find([EVE], ["mem_9", "", "x" * 300]) == {}


async def test_what_is_asked_under_a_key_happens_once(store: MemoryStore) -> None:
    kept = await asyncio.gather(*(store.add(memory(number), ONCE) for number in range(1, 31)))
    assert len({each.id for each in kept}) == 1
    assert await ids(store, [EVE]) == [kept[0].id]
    with pytest.raises(Conflict, match="something else"):
        await store.add(memory(40), replace(ONCE, fingerprint="0" * 64))
    other = await store.add(memory(41), replace(ONCE, owner="acme/bob"))
    assert other.id == memory(41).id
    changed = await store.change(EVE, kept[0].id, lambda found: replace(found, importance=1.0))
    assert await store.add(memory(42), ONCE) == changed


async def test_a_key_is_forgotten_with_what_it_made(store: MemoryStore) -> None:
    await store.add(memory(1), ONCE)
    assert await store.forget(EVE, [memory(1).id]) == 1
    again = replace(ONCE, fingerprint="0" * 64)
    assert (await store.add(memory(2), again)).id == memory(2).id


async def test_pages_have_no_gaps_and_no_doubles_while_things_come(store: MemoryStore) -> None:
    shared = EVE.shared
    for number in range(1, 26):
        await store.add(memory(number, scope=(EVE, shared)[number % 2]))
        await store.add(memory(1000 + number, scope=BOB))
    seen: list[str] = []
    while page := await store.page([EVE, shared], ALL, before=seen[-1] if seen else "", limit=4):
        seen += [each.id for each in page]
        await store.add(memory(100 + len(seen)))
    assert seen == [memory(number).id for number in range(25, 0, -1)]


async def test_filters(store: MemoryStore) -> None:
    hour = timedelta(hours=1)
    found, text, chunks = document(7, "the sky in a paper", EVE.shared)
    await store.add_document(found, text, chunks, None)
    for each in (
        memory(1, happened_at=START - hour),
        memory(2, happened_at=START),
        memory(3, kind=Kind.EPISODE, happened_at=START + hour, session="s"),
        turn(4, "sky", session="t"),
    ):
        await store.add(each)
    chunk = chunks[0].id
    for wanted, expected in (
        (ALL, [chunk, *(memory(number).id for number in (4, 3, 2, 1))]),
        (Filter(own=True), [memory(number).id for number in (4, 3, 2, 1)]),
        (Filter(kinds=frozenset({Kind.TURN, Kind.EPISODE})), [memory(4).id, memory(3).id]),
        (Filter(session="s"), [memory(3).id]),
        (Filter(session="%"), []),
        (Filter(documents=frozenset({found.id, "doc_9"})), [chunk]),
        (Filter(since=START, until=START + timedelta(seconds=1)), [memory(2).id]),
        (Filter(until=START), [memory(1).id]),
        (Filter(kinds=frozenset({Kind.CHUNK}), own=True), []),
    ):
        assert await ids(store, [EVE, EVE.shared], wanted) == expected
        by_words = await store.by_words([EVE, EVE.shared], "sky", wanted, 50)
        assert sorted(each.id for each in by_words) == sorted(expected)


async def test_a_change_leaves_the_text_and_what_it_is(store: MemoryStore) -> None:
    await store.add(memory(1), ONCE)

    def change(found: Memory) -> Memory:
        stays = {"text": "other", "scope": BOB, "id": "mem_9", "kind": Kind.EPISODE, "session": "x"}
        return replace(found, importance=0.9, pinned=True, votes=5, **stays)  # type: ignore[arg-type]

    after = await store.change(EVE, memory(1).id, change)
    assert after == memory(1, importance=0.9, pinned=True, votes=5)
    assert await store.find([EVE, BOB], [after.id, "mem_9"]) == {after.id: after}
    assert await store.add(memory(2), ONCE) == after  # its key is still known
    for scope, unknown in ((BOB, memory(1).id), (EVE, "mem_9")):
        with pytest.raises(NotFound, match=unknown):
            await store.change(scope, unknown, change)


async def test_a_change_that_fails_changes_nothing(store: MemoryStore) -> None:
    await store.add(memory(1))

    def change(found: Memory) -> Memory:
        return replace(found, importance=7.0)

    with pytest.raises(Exception, match="importance"):
        await store.change(EVE, memory(1).id, change)
    assert await store.find([EVE], [memory(1).id]) == {memory(1).id: memory(1)}


async def test_uses_are_counted(store: MemoryStore) -> None:
    for number in (1, 2):
        await store.add(memory(number))
    one, two, gone = ((EVE, memory(number).id) for number in (1, 2, 3))
    await store.used([one, one, gone, (BOB, memory(1).id)], LATER)
    await store.used([one, two], START)
    await store.used([], START)
    found = await store.find([EVE], [memory(number).id for number in (1, 2, 3)])
    assert found == {
        memory(1).id: memory(1, uses=2, used_at=LATER),
        memory(2).id: memory(2, uses=1, used_at=START),
    }


async def test_uses_that_are_counted_at_once_are_all_counted(store: MemoryStore) -> None:
    await asyncio.gather(*(store.add(memory(number)) for number in (1, 2)))
    both = [(EVE, memory(number).id) for number in (1, 2)]
    await asyncio.gather(*(store.used(both if turn % 2 else both[::-1], LATER) for turn in range(20)))
    assert {each.uses for each in (await store.find([EVE], [memory(1).id, memory(2).id])).values()} == {20}


async def test_what_is_forgotten_is_found_no_more(store: MemoryStore) -> None:
    for number in range(1, 4):
        await store.add(memory(number, "a unicorn"))
    await store.add(memory(1, "a unicorn", scope=BOB))
    assert await store.forget(EVE, [memory(1).id, memory(1).id, memory(2).id, "mem_9"]) == 2
    assert await store.forget(EVE, [memory(1).id]) == 0
    assert await store.forget(EVE, []) == 0
    assert await ids(store, [EVE]) == [memory(3).id]
    assert [each.id for each in await store.by_words([EVE], "unicorns", ALL, 9)] == [memory(3).id]
    assert await ids(store, [BOB]) == [memory(1).id]


async def test_thousands_are_forgotten_at_once(store: MemoryStore) -> None:
    found, text, chunks = document(1, "word " * 2500, size=5)
    await store.add_document(found, text, chunks, None)
    every = [chunk.id for chunk in chunks]
    assert len(await store.find([EVE], every)) == 2500
    assert await store.forget(EVE, every) == 2500


async def test_everyone_who_holds_something_is_listed_in_order(store: MemoryStore) -> None:
    names = ["zoë", "Bob", "alice", "", "ä", "😀", "a b", "_"]
    every = sorted(Scope(tenant, name) for tenant in ("acme", "a-b", "a.b", "b") for name in names)
    await asyncio.gather(*(store.add(memory(1, scope=scope)) for scope in every[1:]))
    found, text, _ = document(1, "", every[0])
    await store.add_document(found, text, [], None)
    seen: list[Scope] = []
    while page := await store.scopes(after=seen[-1] if seen else None, limit=5):
        seen += page
    assert seen == every
    for scope in every:
        await store.forget(scope, [memory(1).id])
    assert await store.scopes(after=None, limit=50) == every[:1]
    assert await store.delete_document(every[0], found.id)
    assert await store.scopes(after=None, limit=50) == []


async def test_many_write_at_once(store: MemoryStore) -> None:
    """To scopes of their own, and to one that they share."""
    scopes = [EVE, BOB, ANN, EVE.shared]

    async def life(writer: int) -> None:
        scope = scopes[writer % 4]
        for step in range(4):
            number = writer * 100 + step
            await store.add(memory(number, f"writer {writer} step {step}", scope))
            if step % 2:
                assert await store.forget(scope, [memory(number).id]) == 1

    await asyncio.gather(*(life(writer) for writer in range(1, 9)))
    for place, scope in enumerate(scopes):
        writers = [writer for writer in range(1, 9) if writer % 4 == place]
        kept = {memory(writer * 100 + step).id for writer in writers for step in (0, 2)}
        assert set(await ids(store, [scope])) == kept
        found = await store.by_words([scope], "writer", ALL, 50)
        assert {each.id for each in found} == kept
