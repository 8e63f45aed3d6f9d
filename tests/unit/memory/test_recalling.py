"""What a prompt should know of a session and of everything else."""

import pytest

from colonnade.errors import InvalidArgument, Unavailable
from colonnade.memory.domain.search import Filter
from colonnade.memory.service.recalling import Recall, Recalled, Recalling
from tests.unit.memory.house import BOB, EVE, House


async def recall(house: House, query: str = "dog", **more: object) -> Recalled:
    return await house.recalling.recall(Recall(query, **more), EVE)  # type: ignore[arg-type]


async def test_the_latest_turns_oldest_first_and_hits_that_are_none_of_them() -> None:
    house = House()
    said = [await house.say(f"dog number {number}") for number in range(6)]
    await house.say("dog of another session", session="other")
    await house.say("somebody else's dog", BOB)
    fact = await house.fact("dogs are mammals")
    found = await recall(house, session="s", turns=3, limit=50)
    assert [turn.text for turn in found.working.turns] == [f"dog number {number}" for number in (3, 4, 5)]
    hits = {hit.memory.text for hit in found.hits}
    assert hits == {"dog number 0", "dog number 1", "dog number 2", "dog of another session", fact.text}
    assert not {turn.id for turn in found.working.turns} & {hit.memory.id for hit in found.hits}
    assert said[0].id in {hit.memory.id for hit in found.hits}


async def test_given_turns_do_not_take_the_place_of_hits() -> None:
    house = House()
    for number in range(20):
        await house.say(f"dog dog dog {number}")
    await house.fact("a dog in a long sentence about many other things")
    found = await recall(house, session="s", turns=20, limit=1)
    assert [hit.memory.text for hit in found.hits] == ["a dog in a long sentence about many other things"]


async def test_a_summary_stands_for_what_was_before() -> None:
    house = House()
    turn = await house.say("hello")
    await house.store.summarise(turn.scope, "s", "They greeted each other.", turn.id)
    assert (await recall(house, session="s")).working.summary == "They greeted each other."
    assert (await recall(house, session="t")).working.summary == ""


async def test_without_a_question_there_are_turns_alone_and_without_a_session_hits() -> None:
    house = House()
    await house.say("a dog")
    turns = await recall(house, " ", session="s")
    assert (len(turns.working.turns), len(turns.hits)) == (1, 0)
    hits = await recall(house)
    assert (len(hits.working.turns), len(hits.hits)) == (0, 1)


async def test_its_texts_have_a_bound_together() -> None:
    house = House()
    for number in range(10):
        await house.say(f"{number} {'x' * 198}")
    for number in range(10):
        await house.fact(f"dog {number} {'y' * 190}")
    found = await recall(house, session="s", limit=50)
    turns = [turn.text[0] for turn in found.working.turns]
    assert turns == ["8", "9"], "half of a thousand characters is for turns, the latest of them"
    total = sum(len(each.text) for each in (*found.working.turns, *(hit.memory for hit in found.hits)))
    assert 800 < total <= 1000


async def test_a_turn_that_is_too_long_is_left_out_with_those_before_it() -> None:
    house = House()
    await house.say("short")
    await house.say("x" * 2000)
    assert (await recall(house, session="s")).working.turns == ()
    roomy = Recalling(house.store, house.searching, characters=10_000)
    assert len((await roomy.recall(Recall("", "s"), EVE)).working.turns) == 2


async def test_what_is_away_is_named() -> None:
    house = House()
    await house.fact("a dog")
    house.embedder.failure = Unavailable("no engine")
    found = await recall(house)
    assert (len(found.hits), found.without) == (1, ("vectors",))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Recall("x", "s", turns=-1), "turns"), (Recall("x", "s", turns=101), "turns"),
        (Recall("x", "a\nb"), "session"), (Recall("x", limit=51), "limit"),
        (Recall("x", wanted=Filter(session="\0")), "session"), (Recall("x\0"), "query"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_by_its_field(asked: Recall, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await House().recalling.recall(asked, EVE)
    assert refused.value.details["field"] == field
