"""Memories as they come: defaults, bad input by field, once under a key, embedded at once or later."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, TooLarge, Unavailable
from colonnade.memory.domain.memories import Kind, Tier
from colonnade.memory.domain.scope import Scope
from colonnade.memory.service.remembering import New
from colonnade.security.identity import Principal, Role
from tests.unit.memory.house import BOB, EVE, House


async def test_what_is_not_said_is_as_the_contract_says() -> None:
    house = House()
    turn = await house.remembering.remember(New("hello", session="s", role="user"), EVE)
    fact = await house.remembering.remember(New("the sky is blue"), EVE)
    episode = await house.remembering.remember(New("lunch", kind=Kind.EPISODE, session="s"), EVE)
    assert [(each.kind, each.tier) for each in (turn, fact, episode)] == [
        (Kind.TURN, Tier.SHORT), (Kind.FACT, Tier.LONG), (Kind.EPISODE, Tier.LONG)
    ]  # fmt: skip
    assert {each.importance for each in (turn, fact, episode)} == {0.5}
    assert fact.happened_at == fact.created_at
    assert fact.scope == Scope("acme", "eve")
    assert turn.id < fact.id < episode.id


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": ""}, "text"), ({"text": "a\0b"}, "text"), ({"text": "a\ud800"}, "text"),
        ({"kind": Kind.TURN, "role": "user"}, "session"), ({"kind": Kind.TURN, "session": "s"}, "role"),
        ({"role": "user"}, "role"), ({"session": "s", "role": "system"}, "role"),
        ({"kind": Kind.CHUNK}, "kind"), ({"tier": Tier.TASK}, "session"), ({"session": "a\nb"}, "session"),
        ({"importance": 1.01}, "importance"), ({"importance": float("nan")}, "importance"),
        ({"importance": -0.1}, "importance"), ({"people": ("x",) * 51}, "people"),
        ({"people": ("",)}, "people"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_by_its_field(change: dict[str, object], field: str) -> None:
    house = House()
    with pytest.raises(InvalidArgument) as refused:
        await house.remembering.remember(replace(New("x"), **change), EVE)  # type: ignore[arg-type]
    assert refused.value.details["field"] == field
    assert not house.store.memories


async def test_too_long_a_text() -> None:
    with pytest.raises(TooLarge, match="text"):
        await House().remembering.remember(New("é" * 32_769), EVE)


async def test_nobody_in_particular_remembers_nothing() -> None:
    nobody = Principal("acme", "", frozenset({Role.CALLER}))
    house = House()
    with pytest.raises(InvalidArgument, match="subject"):
        await house.remembering.remember(New("x"), nobody)
    assert not house.store.memories


async def test_a_key_is_used_once_and_by_its_owner() -> None:
    house = House()
    new = New("the sky is blue", importance=0.9)
    first = await house.remembering.remember(new, EVE, "k")
    assert (await house.remembering.remember(new, EVE, "k")).id == first.id
    assert (await house.remembering.remember(new, BOB, "k")).id != first.id
    for other in (New("the sky is red", importance=0.9), New("the sky is blue"), replace(new, pinned=True)):
        with pytest.raises(Conflict, match="idempotency key"):
            await house.remembering.remember(other, EVE, "k")
    assert len(house.store.memories) == 2
    assert len(house.trail.records) == 2, "what was known is no new act"


async def test_it_is_embedded_at_once() -> None:
    house = House()
    memory = await house.fact("the sky is blue")
    assert memory.embedded
    assert set(house.vectors.kept) == {(memory.scope, memory.id)}
    assert not house.heard.additions


@pytest.mark.parametrize("trouble", ["away", "hangs", "index", "refused"])
async def test_it_is_kept_where_nobody_embeds_it_now(trouble: str) -> None:
    house = House()
    if trouble == "away":
        house.embedder.failure = Unavailable("no engine")
    elif trouble == "hangs":
        house.embedder.hangs = True
    elif trouble == "refused":
        house.embedder.refuses = "sky"
    else:
        house.vectors.failure = Unavailable("the database is away")
    memory = await asyncio.wait_for(house.fact("the sky is blue"), 5)
    assert not memory.embedded
    assert list(house.store.memories) == [(memory.scope, memory.id)]
    assert house.heard.additions == 1


async def test_the_record_has_no_word_of_it() -> None:
    house = House()
    memory = await house.say("my password is swordfish", session="of Eve's")
    action, subject, outcome, facts = house.trail.records[0]
    assert (action, subject, outcome) == ("memory.remember", "eve", "ok")
    assert facts == {"memory": memory.id, "kind": "turn"}


@given(
    text=st.text(max_size=50), session=st.text(max_size=20),
    role=st.sampled_from(["", "user", "assistant", "x"]),
    importance=st.none() | st.floats(), kind=st.none() | st.sampled_from(Kind),
    tier=st.none() | st.sampled_from(Tier), pinned=st.booleans(),
    people=st.lists(st.text(max_size=5), max_size=3),
)  # fmt: skip
async def test_whatever_is_said_is_kept_or_refused_by_a_field(**said: object) -> None:
    house = House()
    new = New(**said | {"people": tuple(said["people"])})  # type: ignore[arg-type]
    refused, texts = "", [new.text]
    try:
        await house.remembering.remember(new, EVE)
    except ColonnadeError as refusal:
        refused, texts = refusal.details["field"], []
    assert bool(refused) == (not texts)
    assert [memory.text for memory in house.store.memories.values()] == texts
