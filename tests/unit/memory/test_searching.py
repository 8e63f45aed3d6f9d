"""By words and by meaning at once, and without what is away."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from colonnade.errors import InvalidArgument, NotFound, TooLarge, Unavailable
from colonnade.memory.domain.memories import Kind
from colonnade.memory.domain.search import Filter, Found
from colonnade.memory.service.documents import NewDocument
from colonnade.memory.service.searching import Question
from colonnade.security.identity import Principal
from tests.unit.memory.fakes import START
from tests.unit.memory.house import ANN, BOB, BOSS, EVE, House


async def search(house: House, text: str, principal: Principal = EVE, **more: object) -> Found:
    return await house.searching.search(Question(text, **more), principal)  # type: ignore[arg-type]


def texts(found: Found) -> list[str]:
    return [hit.memory.text for hit in found.hits]


async def test_words_and_meaning_both_find_and_say_why() -> None:
    house = House()
    house.embedder.alike = {"puppi": "dog"}
    await house.fact("The puppy sleeps")
    await house.fact("A dog barks at the moon")
    await house.fact("Interest rates fell")
    found = await search(house, "dog", limit=2)
    assert texts(found) == ["A dog barks at the moon", "The puppy sleeps"]
    first, second = (hit.why for hit in found.hits)
    assert first.word_rank == 1
    assert first.words == ("dog",)
    assert first.bm25 > 0
    assert second.word_rank == 0
    assert second.vector_rank in (1, 2)
    assert second.cosine > 0.5
    assert found.without == ()


@pytest.mark.parametrize("trouble", ["away", "hangs", "index"])
async def test_without_vectors_words_find_and_it_is_said(trouble: str) -> None:
    house = House()
    await house.fact("A dog barks")
    if trouble == "away":
        house.embedder.failure = Unavailable("no engine")
    elif trouble == "hangs":
        house.embedder.hangs = True
    else:
        house.vectors.failure = Unavailable("no index")
    found = await asyncio.wait_for(search(house, "dog"), 5)
    assert texts(found) == ["A dog barks"]
    assert found.without == ("vectors",)


async def test_nobody_finds_what_is_another_s() -> None:
    house = House()
    await house.fact("Eve's dog barks")
    await house.fact("Ann's dog barks", ANN)
    for principal, own in ((EVE, ["Eve's dog barks"]), (BOB, []), (ANN, ["Ann's dog barks"])):
        assert texts(await search(house, "dog barks", principal)) == own


async def test_what_a_tenant_shares_is_found_by_all_of_it_unless_they_want_their_own() -> None:
    house = House()

    async def content() -> AsyncIterator[bytes]:
        yield b"Dogs are not allowed in the office"

    await house.documents.add(NewDocument("rules", "text/plain", shared=True), content(), BOSS)
    assert texts(await search(house, "dogs", BOB)) == ["Dogs are not allowed in the office"]
    assert texts(await search(house, "dogs", ANN)) == []
    assert texts(await search(house, "dogs", BOB, wanted=Filter(own=True))) == []


async def test_the_best_are_judged_again_where_it_is_asked_for() -> None:
    house = House()
    await house.fact("dog dog dog dog and more dogs")
    await house.fact("dog")
    found = await search(house, "dog", rerank=True)
    assert texts(found) == ["dog", "dog dog dog dog and more dogs"]
    assert [hit.why.reranked for hit in found.hits] == [-3.0, -29.0]
    house.reranker.failure = Unavailable("no engine")
    again = await search(house, "dog", rerank=True)
    assert again.without == ("rerank",)
    assert all(hit.why.reranked is None for hit in again.hits)
    house.reranker.failure, house.reranker.hangs = None, True
    assert (await asyncio.wait_for(search(house, "dog", rerank=True), 5)).without == ("rerank",)


async def test_twenty_are_judged_and_the_others_stay_behind_them() -> None:
    house = House()
    for number in range(30):
        await house.fact(f"dog {'x' * number}")
    found = await search(house, "dog", limit=50, rerank=True)
    assert len(found.hits) == 30
    assert len(house.reranker.asked[0]) == 20
    assert [hit.why.reranked is not None for hit in found.hits] == [True] * 20 + [False] * 10


async def test_what_was_found_is_of_use_and_what_was_not_is_not() -> None:
    house = House()
    found_one, other = await house.fact("A dog barks"), await house.fact("Interest rates fell")
    await search(house, "dog", limit=1)
    await house.uses.close()
    assert house.store.memories[found_one.scope, found_one.id].uses == 1
    assert house.store.memories[other.scope, other.id].uses == 0


async def test_a_search_does_not_fail_for_want_of_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    await house.fact("A dog barks")

    async def away(*_: object) -> None:
        raise Unavailable("the database is locked")

    monkeypatch.setattr(house.store, "used", away)
    assert len((await search(house, "dog")).hits) == 1
    await house.uses.close()


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (Question(""), "query"), (Question("x", -1), "limit"), (Question("x", 51), "limit"),
        (Question("x\0"), "query"), (Question("x", wanted=Filter(session="a\nb")), "session"),
        (Question("x", wanted=Filter(session="a" * 129)), "session"),
        (Question("x", wanted=Filter(documents=frozenset(map(str, range(101))))), "documents"),
        (Question("x", wanted=Filter(since=START.replace(day=2), until=START.replace(day=1))), "until"),
        (Question("x" * 70_000), "query"),
    ],
)  # fmt: skip
async def test_bad_questions_are_refused_by_their_field(question: Question, field: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)) as refused:
        await House().searching.search(question, EVE)
    assert refused.value.details["field"] == field


async def test_filters_hold_for_words_and_vectors_alike() -> None:
    house = House()
    await house.say("the dog said hello", session="a")
    await house.say("the dog said goodbye", session="b")
    await house.fact("the dog is a fact")
    assert texts(await search(house, "dog", wanted=Filter(session="b"))) == ["the dog said goodbye"]
    facts = Filter(kinds=frozenset({Kind.FACT}))
    assert texts(await search(house, "dog", wanted=facts)) == ["the dog is a fact"]


async def test_a_memory_that_goes_while_it_is_found_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    gone = await house.fact("A dog barks")
    by_words = house.store.by_words

    async def and_then_forgotten(*arguments: object) -> object:
        found = await by_words(*arguments)  # type: ignore[arg-type]
        await house.store.forget(gone.scope, [gone.id])
        return found

    monkeypatch.setattr(house.store, "by_words", and_then_forgotten)
    assert texts(await search(house, "dog")) == []
    with pytest.raises(NotFound):
        await house.memories.get(gone.id, EVE)
