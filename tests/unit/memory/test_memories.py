"""One memory at a time: shown, revised, rated, forgotten; and sessions."""

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from colonnade.errors import InvalidArgument, NotFound, Unavailable
from colonnade.memory.domain.memories import Kind, Memory
from colonnade.memory.domain.search import Filter
from colonnade.memory.service.documents import NewDocument
from colonnade.memory.service.memories import MOST_VOTES
from colonnade.memory.service.searching import Question
from colonnade.security.identity import Principal
from tests.unit.memory.house import ANN, BOB, EVE, House

ALL = Filter()
_T = TypeVar("_T")


async def chunk(house: House) -> Memory:
    async def content() -> AsyncIterator[bytes]:
        yield b"a piece"

    document = await house.documents.add(NewDocument("paper", "text/plain"), content(), EVE)
    wanted = Filter(documents=frozenset({document.id}))
    return (await house.memories.page(wanted, EVE))[0][0]


async def test_pages_newest_first_without_gaps() -> None:
    house = House()
    made = [(await house.fact(f"fact {number}")).id for number in range(7)]
    await house.fact("somebody else's", BOB)
    seen, page = [], ""
    while True:
        found, page = await house.memories.page(ALL, EVE, limit=3, page=page)
        seen += [memory.id for memory in found]
        if not page:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("limit", "page", "field"), [(-1, "", "limit"), (201, "", "limit"), (1, "a\nb", "page")]
)
async def test_pages_that_are_none(limit: int, page: str, field: str) -> None:
    house = House()
    for call in (house.sessions.page(EVE, limit=limit, page=page),
                 house.documents.page(EVE, limit=limit, page=page),
                 house.memories.page(ALL, EVE, limit=limit, page=page)):  # fmt: skip
        with pytest.raises(InvalidArgument) as refused:
            await call
        assert refused.value.details["field"] == field


async def test_somebody_else_s_is_not_there() -> None:
    house = House()
    memory = await house.fact("mine")
    for stranger in (BOB, ANN):
        for act in (
            house.memories.get(memory.id, stranger), house.memories.forget(memory.id, stranger),
            house.memories.rate(memory.id, stranger, useful=True),
            house.memories.revise(memory.id, stranger, importance=1.0, pinned=None),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await act
    assert await house.memories.get(memory.id, EVE) == memory


async def test_revised_in_what_is_said_alone() -> None:
    house = House()
    memory = await house.fact("mine")
    assert (await house.memories.revise(memory.id, EVE, importance=0.9, pinned=None)).importance == 0.9
    pinned = await house.memories.revise(memory.id, EVE, importance=None, pinned=True)
    assert (pinned.importance, pinned.pinned, pinned.text) == (0.9, True, "mine")
    for wrong in (1.5, -0.1, math.nan, math.inf):
        with pytest.raises(InvalidArgument, match="importance"):
            await house.memories.revise(memory.id, EVE, importance=wrong, pinned=None)


async def test_votes_add_up_within_bounds() -> None:
    house = House()
    memory = await house.fact("mine")
    for _ in range(3):
        assert (await house.memories.rate(memory.id, EVE, useful=True)).votes > 0
    assert (await house.memories.rate(memory.id, EVE, useful=False)).votes == 2
    for _ in range(MOST_VOTES + 10):
        memory = await house.memories.rate(memory.id, EVE, useful=True)
    assert memory.votes == MOST_VOTES


async def test_a_piece_of_a_document_goes_with_it_alone() -> None:
    house = House()
    piece = await chunk(house)
    for act in (
        house.memories.forget(piece.id, EVE), house.memories.rate(piece.id, EVE, useful=True),
        house.memories.revise(piece.id, EVE, importance=None, pinned=True),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument, match="delete the document"):
            await act


async def test_forgotten_is_gone_recorded_and_told() -> None:
    house = House()
    memory = await house.fact("swordfish")
    assert await house.memories.forget(memory.id, EVE) == 1
    with pytest.raises(NotFound):
        await house.memories.forget(memory.id, EVE)
    assert [(record[0], record[2]) for record in house.trail.records[-2:]] == [
        ("memory.forget", "begun"), ("memory.forget", "ok")
    ]  # fmt: skip
    assert house.trail.records[-1][3] == {"memory": memory.id, "kind": "fact", "forgotten": 1}
    assert house.heard.removals == [memory.scope]


async def test_what_cannot_be_recorded_is_not_forgotten() -> None:
    house = House()
    memory = await house.fact("mine")
    house.trail.failure = Unavailable("the audit log cannot be written")
    with pytest.raises(Unavailable):
        await house.memories.forget(memory.id, EVE)
    assert (memory.scope, memory.id) in house.store.memories


async def test_with_an_episode_goes_the_fact_that_says_it() -> None:
    house = House()
    one, two, three = [await house.episode(f"lunch {number}") for number in range(3)]
    fact = await house.fact("lunch")
    await house.store.change(fact.scope, fact.id, lambda found: _made_of(found, one.id, two.id))
    other = await house.fact("dinner")
    assert await house.memories.forget(one.id, EVE) == 2
    left = {memory.id for memory in house.store.memories.values()}
    assert left == {two.id, three.id, other.id}


async def test_with_a_fact_goes_what_it_was_made_of() -> None:
    house = House()
    one, two, three = [await house.episode(f"lunch {number}") for number in range(3)]
    fact = await house.fact("lunch")
    await house.store.change(fact.scope, fact.id, lambda found: _made_of(found, one.id, two.id))
    assert await house.memories.forget(fact.id, EVE) == 3
    assert [memory.id for memory in house.store.memories.values()] == [three.id]


async def test_a_forgotten_turn_is_in_no_summary() -> None:
    house = House()
    turns = [await house.say(f"turn {number}") for number in range(4)]
    scope = turns[0].scope
    await house.store.summarise(scope, "s", "turn 0, turn 1, turn 2", turns[2].id)
    await house.memories.forget(turns[3].id, EVE)
    assert (await house.store.session(scope, "s")).summary  # type: ignore[union-attr]
    await house.memories.forget(turns[1].id, EVE)
    assert (await house.store.session(scope, "s")).summary == ""  # type: ignore[union-attr]


async def test_a_session_ends_with_its_turns() -> None:
    house = House()
    await house.say("one", session="a")
    await house.say("two", session="a")
    await house.say("three", session="b")
    await house.say("bob's", BOB, session="a")
    found, page = await house.sessions.page(EVE)
    assert [(session.id, session.turns) for session in found] == [("b", 1), ("a", 2)]
    assert page == ""
    assert await house.sessions.end("a", EVE) == 2
    assert await house.sessions.end("a", EVE) == 0
    assert [session.id for session in (await house.sessions.page(EVE))[0]] == ["b"]
    assert [session.id for session in (await house.sessions.page(BOB))[0]] == ["a"]
    assert all("session" not in facts for _, _, _, facts in house.trail.records), "its name may be personal"
    with pytest.raises(InvalidArgument, match="session"):
        await house.sessions.end("", EVE)


async def test_sessions_are_paged() -> None:
    house = House()
    for number in range(5):
        await house.say("hello", session=f"s{number}")
    first, page = await house.sessions.page(EVE, limit=2)
    second, page = await house.sessions.page(EVE, limit=2, page=page)
    third, page = await house.sessions.page(EVE, limit=2, page=page)
    assert [session.id for session in (*first, *second, *third)] == ["s4", "s3", "s2", "s1", "s0"]
    assert page == ""


def _made_of(found: Memory, *ids: str) -> Memory:
    return replace(found, made_of=ids)


class Lives(RuleBasedStateMachine):
    """Two people remember and forget in any order: each finds all of their own and nothing of the other's."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.loop = asyncio.new_event_loop()
        self.kept: dict[str, dict[str, str]] = {"eve": {}, "bob": {}}

    people = st.sampled_from([EVE, BOB])

    def teardown(self) -> None:
        self._now(self.house.uses.close())
        self.loop.close()

    def _now(self, doing: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(doing)

    @rule(who=people, number=st.integers(0, 5))
    def remembers(self, who: Principal, number: int) -> None:
        memory = self._now(self.house.fact(f"dog {number}", who))
        self.kept[who.subject][memory.id] = memory.text

    @rule(who=people, session=st.sampled_from("ab"))
    def says(self, who: Principal, session: str) -> None:
        memory = self._now(self.house.say("dog", who, session=session))
        self.kept[who.subject][memory.id] = memory.text

    @rule(who=people, data=st.data())
    def forgets(self, who: Principal, data: st.DataObject) -> None:
        mine = self.kept[who.subject]
        ids = sorted({id_ for kept in self.kept.values() for id_ in kept})
        if not ids:
            return
        id_ = data.draw(st.sampled_from(ids))
        if id_ in mine:
            self._now(self.house.memories.forget(id_, who))
            del mine[id_]
        else:
            with pytest.raises(NotFound):
                self._now(self.house.memories.forget(id_, who))

    @rule(who=people, session=st.sampled_from("ab"))
    def ends(self, who: Principal, session: str) -> None:
        turns = Filter(kinds=frozenset({Kind.TURN}), session=session)
        gone, _ = self._now(self.house.memories.page(turns, who, limit=200))
        assert self._now(self.house.sessions.end(session, who)) == len(gone)
        for memory in gone:
            del self.kept[who.subject][memory.id]

    @invariant()
    def each_finds_their_own(self) -> None:
        for who in (EVE, BOB):
            found, _ = self._now(self.house.memories.page(ALL, who, limit=200))
            assert {memory.id: memory.text for memory in found} == self.kept[who.subject]
            hits = self._now(self.house.searching.search(Question("dog", 50), who)).hits
            assert {hit.memory.id for hit in hits} == set(self.kept[who.subject])


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
