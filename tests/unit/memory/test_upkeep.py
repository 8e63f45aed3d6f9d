"""What goes on in the background, each duty by its turns, and broken off anywhere."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import NotFound, Unavailable
from colonnade.memory.domain.memories import Kind, Memory, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.service.remembering import New
from colonnade.memory.service.upkeep.consolidating import Consolidating
from colonnade.memory.service.upkeep.embedding import BATCH, Embedding
from colonnade.memory.service.upkeep.fading import Fading
from colonnade.memory.service.upkeep.rounds import Rounds
from colonnade.memory.service.upkeep.summarising import Summarising
from colonnade.memory.service.upkeep.tidying import Tidying
from tests.unit.memory.fakes import ANN as ANNS
from tests.unit.memory.fakes import BOB as BOBS
from tests.unit.memory.fakes import EVE as EVES
from tests.unit.memory.fakes import memory, turn
from tests.unit.memory.house import ANN, EVE, House

# -- vectors


def embedding(house: House) -> Embedding:
    return Embedding(house.store, house.vectors, house.embedder, house.acting)


async def bare(house: House, scope: Scope, count: int, first: int = 1) -> None:
    for number in range(first, first + count):
        await house.store.add(memory(number, f"text {number}", scope))


async def test_what_has_no_vector_gets_one_oldest_first_in_batches() -> None:
    house = House()
    await bare(house, EVES, 2 * BATCH + 5)
    work = embedding(house)
    sizes = []
    while await work.turn():
        sizes.append(len(house.vectors.kept))
    assert sizes == [BATCH, 2 * BATCH, 2 * BATCH + 5]
    assert list(house.embedder.asked[0]) == [f"text {number}" for number in range(1, BATCH + 1)]


async def test_each_tenant_has_its_turn_and_is_named() -> None:
    house = House()
    await bare(house, EVES, 5 * BATCH)
    await bare(house, ANNS, 3, first=10_000)
    await embedding(house).turn()
    assert sum(scope == ANNS for scope, _ in house.vectors.kept) == 3
    assert sum(scope == EVES for scope, _ in house.vectors.kept) == BATCH
    assert house.acted == ["acme", "globex"]


async def test_one_batch_holds_what_several_people_of_a_tenant_said() -> None:
    house = House()
    await bare(house, EVES, 2)
    await bare(house, BOBS, 2, first=10)
    await embedding(house).turn()
    assert len(house.embedder.asked) == 1
    assert len(house.vectors.kept) == 4


async def test_another_model_s_vectors_are_made_again() -> None:
    house = House()
    await house.fact("hello")
    house.embedder.digest = f"sha256:{'f' * 64}"
    work = embedding(house)
    assert await work.turn()
    assert [model for model, _ in house.vectors.kept.values()] == [house.embedder.digest]
    assert not await work.turn()


async def test_nobody_is_asked_where_there_is_nothing() -> None:
    house = House()
    house.embedder.failure = Unavailable("no model")
    assert not await embedding(house).turn()


async def test_a_text_that_cannot_be_embedded_does_not_keep_the_others_from_it() -> None:
    house = House()
    await bare(house, EVES, 3)
    await house.store.add(memory(0, "cursed", EVES))
    house.embedder.refuses = "cursed"
    work = embedding(house)
    while await work.turn():
        pass
    assert len(house.vectors.kept) == 3
    asked = len(house.embedder.asked)
    assert not await work.turn()
    assert len(house.embedder.asked) == asked, "it is not asked for again and again"


async def test_what_is_away_is_raised_for_another_time() -> None:
    house = House()
    await bare(house, EVES, 1)
    house.embedder.failure = Unavailable("no engine")
    with pytest.raises(Unavailable):
        await embedding(house).turn()


# -- fading


def fading(house: House, below: float = 0.02) -> Fading:
    return Fading(house.store, house.trail, house.heard, below=below, clock=house.clock)


async def test_what_has_faded_is_forgotten_and_what_lasts_is_not() -> None:
    house = House()
    old = house.clock.now
    faded = turn(1)
    kept = [
        memory(2, "long ago"), memory(3, "pinned", tier=Tier.SHORT, pinned=True),
        replace(turn(4), uses=40), memory(5, "young", created_at=old + timedelta(days=9)),
    ]  # fmt: skip
    for each in (faded, *kept):
        await house.store.add(each)
    house.clock.pass_by(days=4)
    assert not await fading(house).turn()
    assert {memory.id for memory in house.store.memories.values()} == {each.id for each in kept}
    assert house.trail.records == [
        ("memory.fade", "eve", "ok", {"weaker_than": 0.02, "forgotten": {"turn": 1}})
    ]
    assert house.heard.removals == [EVES]


async def test_nothing_is_forgotten_where_nothing_fades() -> None:
    house = House()
    await house.store.add(turn(1))
    house.clock.pass_by(days=10_000)
    await fading(house, below=0).turn()
    assert len(house.store.memories) == 1
    assert not house.trail.records


@given(ages=st.lists(st.integers(0, 4000), max_size=30), below=st.floats(0, 1))
async def test_a_sweep_forgets_just_what_is_weaker(ages: list[int], below: float) -> None:
    house = House()
    house.clock.pass_by(days=200)
    made = []
    for number, hours in enumerate(ages):
        at = house.clock.now - timedelta(hours=hours)
        made.append(memory(number, created_at=at, tier=list(Tier)[number % 2 * 2], happened_at=at))
        await house.store.add(made[-1])
    await fading(house, below).turn()
    now = house.clock.now
    margin = 1e-6  # the clock goes on between pages
    for each in made:
        if abs(each.strength(now) - below) > margin:
            assert ((each.scope, each.id) in house.store.memories) == (each.strength(now) > below)


async def test_a_round_goes_through_all_scopes_and_begins_anew() -> None:
    house = House()
    for number in range(5):
        await house.store.add(memory(number, scope=Scope("acme", f"p{number}")))
    await house.store.add(memory(9, scope=Scope("acme")))
    rounds = Rounds(house.store, scopes=2)
    seen, more = [], True
    while more:
        seen += [scope.subject for scope in await rounds.next()]
        more = rounds.passed()
    assert seen == [f"p{number}" for number in range(5)], "what is shared is nobody's, and does not fade"
    assert [scope.subject for scope in await rounds.next()] == ["p0"]


# -- consolidating


def consolidating(house: House) -> Consolidating:
    return Consolidating(
        house.store, house.vectors, house.embedder, house.writer, house.acting, house.heard,
        clock=house.clock,
    )  # fmt: skip


def facts(house: House) -> list[Memory]:
    return [each for each in house.store.memories.values() if each.kind is Kind.FACT]


async def test_episodes_that_say_the_same_become_one_fact() -> None:
    house = House()
    one = await house.episode("Lunch with Zoe in Rome", people=("Zoe",), importance=0.2)
    other = await house.episode("Rome: lunch with Zoe", people=("Bob", "Zoe"), importance=0.7)
    await house.episode("The server burned down")
    await house.episode("Lunch with Zoe in Rome", ANN)
    work = consolidating(house)
    assert not await work.turn()
    (fact,) = facts(house)
    assert fact.made_of == (one.id, other.id)
    assert fact.text == one.text
    assert (fact.tier, fact.importance, fact.people) == (Tier.LONG, 0.7, ("Bob", "Zoe"))
    assert fact.happened_at == other.happened_at
    assert fact.scope == EVES
    assert house.acted == ["acme", "globex"]
    assert len(house.store.memories) == 5, "the episodes stay until they fade"


async def test_it_is_done_once_whoever_does_it_again() -> None:
    house = House()
    for _ in range(3):
        await house.episode("Lunch with Zoe in Rome")
    await consolidating(house).turn()
    await consolidating(house).turn()  # one that knows nothing of the first
    work = consolidating(house)
    for _ in range(2):
        await work.turn()
    assert len(facts(house)) == 1


async def test_a_new_episode_finds_an_old_one_that_was_alone() -> None:
    house = House()
    one = await house.episode("Lunch with Zoe in Rome")
    work = consolidating(house)
    await work.turn()
    assert not facts(house)
    other = await house.episode("Lunch with Zoe in Rome!")
    await work.turn()
    assert [fact.made_of for fact in facts(house)] == [(one.id, other.id)]
    await house.episode("Lunch with Zoe in Rome?")
    await work.turn()
    assert len(facts(house)) == 1, "the other two are used"


async def test_an_episode_without_a_vector_waits_for_it() -> None:
    house = House()
    house.embedder.failure = Unavailable("no engine")
    for _ in range(2):
        await house.episode("Lunch with Zoe in Rome")
    house.embedder.failure = None
    work = consolidating(house)
    await work.turn()
    assert not facts(house)
    await embedding(house).turn()
    await work.turn()
    assert len(facts(house)) == 1


async def test_killed_before_the_fact_is_kept_it_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    for text in ("Lunch with Zoe in Rome", "The server burned down") * 2:
        await house.episode(text)
    add, calls = house.store.add, []

    async def dies(*arguments: object) -> Memory:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return await add(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(house.store, "add", dies)
    with pytest.raises(KeyboardInterrupt):
        await consolidating(house).turn()
    monkeypatch.undo()
    await consolidating(house).turn()
    made = [fact.made_of for fact in facts(house)]
    assert len(made) == 2
    assert len({id_ for ids in made for id_ in ids}) == 4


async def test_what_is_forgotten_while_a_fact_is_written_is_not_in_it() -> None:
    house = House()
    one = await house.episode("Lunch with Zoe in Rome")
    await house.episode("Lunch with Zoe in Rome")
    shorten = house.writer.shorten

    async def meanwhile(texts: object, characters: int) -> str:
        await house.store.forget(one.scope, [one.id])
        return await shorten(texts, characters)  # type: ignore[arg-type]

    house.writer.shorten = meanwhile  # type: ignore[method-assign]
    await consolidating(house).turn()
    assert not facts(house)


async def test_a_forgotten_fact_is_not_made_again() -> None:
    house = House()
    for _ in range(2):
        await house.episode("Lunch with Zoe in Rome")
    await consolidating(house).turn()
    await house.memories.forget(facts(house)[0].id, EVE)
    await consolidating(house).turn()
    assert not house.store.memories


# -- sessions


def summarising(house: House, turns: int = 6, latest: int = 3) -> Summarising:
    return Summarising(house.store, house.writer, house.acting, turns=turns, latest=latest, characters=200)


async def test_a_long_session_is_summed_up_but_for_its_latest_turns() -> None:
    house = House()
    house.writer.says = "They talked."
    said = [await house.say(f"turn {number}") for number in range(7)]
    await house.say("hello", session="short")
    work = summarising(house)
    await work.turn()
    session = await house.store.session(EVES, "s")
    assert session is not None
    assert (session.summary, session.summarised) == ("They talked.", said[3].id)
    assert house.writer.asked == [([f"User: turn {number}" for number in range(4)], 200)]
    await work.turn()
    assert len(house.writer.asked) == 1
    for number in range(7, 11):
        await house.say(f"turn {number}")
    await work.turn()
    texts, _ = house.writer.asked[1]
    assert texts == ["Before: They talked.", *(f"User: turn {number}" for number in range(4, 8))]


async def test_a_turn_that_is_forgotten_meanwhile_is_in_no_summary() -> None:
    house = House()
    said = [await house.say(f"turn {number}") for number in range(8)]

    async def meanwhile(texts: object, characters: int) -> str:
        await house.memories.forget(said[0].id, EVE)
        return "turn 0 was said"

    house.writer.shorten = meanwhile  # type: ignore[method-assign]
    await summarising(house).turn()
    session = await house.store.session(EVES, "s")
    assert session is not None
    assert session.summary == ""


async def test_a_session_that_ends_meanwhile_is_gone() -> None:
    house = House()
    for number in range(8):
        await house.say(f"turn {number}")

    async def meanwhile(texts: object, characters: int) -> str:
        await house.sessions.end("s", EVE)
        return "they talked"

    house.writer.shorten = meanwhile  # type: ignore[method-assign]
    await summarising(house).turn()
    assert await house.store.session(EVES, "s") is None


# -- tidying


async def test_tidied_at_the_start_and_after_something_was_erased_and_again_where_it_failed() -> None:
    house, failures = House(), [Unavailable("in use")]

    async def tidy() -> None:
        if failures:
            raise failures.pop()
        await house.store.tidy()

    work = Tidying(tidy)
    with pytest.raises(Unavailable):
        await work.turn()
    for _ in range(2):
        assert not await work.turn()
    assert house.store.tidied == 1
    work.removed()
    await work.turn()
    assert house.store.tidied == 2


async def test_a_new_memory_of_one_s_own_is_nobody_else_s_fact() -> None:
    house = House()
    with pytest.raises(NotFound):
        await house.memories.get((await house.remembering.remember(New("x"), ANN)).id, EVE)
