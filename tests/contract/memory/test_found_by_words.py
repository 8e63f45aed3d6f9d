"""Every store finds by words, orders by BM25 of the scopes that are asked, and takes any question for one."""

import random
from collections import Counter
from math import log

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.memory.adapters import sql_words, word_index
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.domain.memories import Kind
from colonnade.memory.domain.scope import Scope
from colonnade.memory.domain.search import Filter
from colonnade.memory.ports import MemoryStore
from colonnade.memory.words import asked
from tests.unit.memory.fakes import ANN, BOB, EVE, FakeMemoryStore, document, memory

ALL = Filter()
SCOPES = (EVE, EVE.shared, BOB, ANN, ANN.shared, Scope("globex", "eve"), Scope("acme", "ann"))
HOSTILE = (
    "", " ", '"', "'", '""', "\"'`", "*", "sky*", "^sky", "-sky", "+sky", "sky OR", "OR", "AND NOT",
    "NOT sky", "NEAR(", "NEAR(sky blue, 2)", "scope:sky", "words : sky", "{scope words} : sky", "sky AND (",
    ")", "((((", "sky'); DROP TABLE memories;--", "' | '", "!sky & <-> | :*", "'sky':*", "sky:A", "\\", "\\'",
    "a\\' | 'b", "%s %(x)s :x ? $1 {} {0}", "\0sky", "\x1b[31msky", "s\u200bk\u2060y", "\ufeffsky",
    "\u202esky", "ｓｋｙ", "😀 👩‍👩‍👧 🏳️‍🌈", "Ω≈ç√∫˜µ", "田中さんにあげて下さい", "הָיְתָהtestالصفحات", "Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮",
    "１２３", "1/0", "0x0", "undefined", "NULL", "true", "__proto__", "_", "a_b", "1E400",
    "<script>alert(1)</script>", "../../etc/passwd", "\n\t\r\x0b\x0c\x85\u2028", "ı İ ß ﬁ", "x" * 65_536,
    "sky " * 16_384, " ".join(map(str, range(11_000))), "5a3e950b92480727fff6e32846d35822",
    "@5a3e950b92480727fff6e32846d35822", "�",
)  # fmt: skip


async def found(store: MemoryStore, question: str, *scopes: Scope, wanted: Filter = ALL) -> list[str]:
    return [each.id for each in await store.by_words(scopes, question, wanted, 50)]


async def test_any_question_is_one(store: MemoryStore) -> None:
    await store.add(memory(1, "the sky is blue"))
    for number, question in enumerate(HOSTILE, 2):
        text = question.replace("\0", "")[:65_000]
        mine = memory(number, text or "nothing")
        await store.add(mine)
        await store.add(memory(number, f"{text} sky", scope=BOB))
        hits = {each.id for each in await store.by_words([EVE], question, ALL, 10)}
        assert hits <= {memory(1).id, mine.id}, question
        assert mine.id in hits or not hits  # it has all of its own words
        assert bool(hits) == bool(asked(question))
        assert await store.by_words([Scope("acme", "nobody")], question, ALL, 10) == []
        for scope in (EVE, BOB):
            await store.forget(scope, [mine.id])


@pytest.mark.parametrize(
    ("text", "question", "words"),
    [
        ("The horses RAN quickly", "a running horse", ("horse",)),
        ("He was running, and runs", "Runner? RUN!", ("run",)),
        ("STRASSE", "straße", ("strasse",)),
        ("ﬁnal ｗｉｄｅ", "final wide", ("final", "wide")),
        ("hid\u200bden w\u00adord", "hidden word", ("hidden", "word")),
        ("ÉCOLE", "e\u0301cole", ("école",)),
        ("snake_case", "snake", ()),
        ("snake_case", "SNAKE_CASE", ("snake_case",)),
        ("x" * 5000, "x" * 64, ("x" * 64,)),
        ("über-Wörter 42", "42 wörter UBER", ("42", "wörter")),
    ],
)
async def test_words_are_the_same_in_texts_and_questions(
    store: MemoryStore, text: str, question: str, words: tuple[str, ...]
) -> None:
    await store.add(memory(1, text))
    hits = await store.by_words([EVE], question, ALL, 10)
    assert [(each.id, each.words) for each in hits] == ([(memory(1).id, words)] if words else [])


async def test_the_score_is_bm25_with_the_counts_of_the_scopes_asked(store: MemoryStore) -> None:
    texts = ["blue sky", "blue blue sea and a long sentence", "red"]
    for number, text in enumerate(texts, 1):
        await store.add(memory(number, text))
    await store.add(memory(9, "blue " * 50, scope=BOB))  # counts for Bob alone
    lengths, mean = [2, 7, 1], 10 / 3

    def bm25(times: int, length: int, having: int) -> float:
        idf = log(1 + (3 - having + 0.5) / (having + 0.5))
        return idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / mean))

    hits = await store.by_words([EVE, EVE], "Blue sky?", ALL, 10)
    expected = [bm25(1, lengths[0], 2) + bm25(1, lengths[0], 1), bm25(2, lengths[1], 2)]
    assert [each.bm25 for each in hits] == pytest.approx(expected)
    assert [each.words for each in hits] == [("blue", "sky"), ("blue",)]
    assert await store.by_words([EVE], "blue", ALL, 0) == []
    assert await store.by_words([], "blue", ALL, 10) == []


async def test_counts_follow_what_comes_and_goes(store: MemoryStore) -> None:
    await store.add(memory(1, "blue sky"))
    alone = await store.by_words([EVE], "blue sky", ALL, 10)
    paper, text, chunks = document(2, "blue words " * 100)
    await store.add_document(paper, text, chunks, None)
    await store.add(memory(3, "blue " * 20))
    assert await store.by_words([EVE], "blue sky", ALL, 1) != alone
    await store.delete_document(EVE, paper.id)
    await store.forget(EVE, [memory(3).id])
    assert await store.by_words([EVE], "blue sky", ALL, 10) == alone


async def test_the_best_of_thousands_are_found(sql_store: SqlMemoryStore) -> None:
    """More match than there are candidates; words are as rare as in a language."""
    draw = random.Random(7)
    vocabulary = [f"w{place}" for place in range(300)]
    weights = [1 / (place + 1) for place in range(300)]
    texts = [" ".join(draw.choices(vocabulary, weights, k=draw.randint(3, 60))) for _ in range(3000)]
    fake = FakeMemoryStore()
    for each, scope, some in ((1, EVE, texts[:1500]), (2, EVE.shared, texts[1500:])):
        paper, text, chunks = document(each, "".join(text.ljust(400) for text in some), scope, size=400)
        for store in (fake, sql_store):
            await store.add_document(paper, text, chunks, None)
    for question in ("w0", "w0 w1 w2 w3", "w5 w280", "w0 w40 w41", "w299", " ".join(vocabulary[10:60])):
        for scopes in ([EVE], [EVE, EVE.shared]):
            expected = await fake.by_words(scopes, question, ALL, 10)
            hits = await sql_store.by_words(scopes, question, ALL, 10)
            assert [each.id for each in hits[:5]] == [each.id for each in expected[:5]]
            scores = [each.bm25 for each in expected]
            assert [each.bm25 for each in hits] == pytest.approx(scores, rel=0.01)


async def test_words_of_a_large_scope_are_counted_in_its_newest(
    sql_store: SqlMemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_index, "_NEWEST", 50)
    monkeypatch.setattr(word_index, "_SEEN_OFTEN", 10)
    monkeypatch.setattr(sql_words, "_MOST_LOOKED_AT", 20)
    texts = [f"the sky of page {number}" + (" is azure" if number % 20 == 0 else "") for number in range(200)]
    for number, text in enumerate(texts):
        await sql_store.add(memory(number, text, scope=EVE))
        await sql_store.add(memory(number, "the azure sky", scope=BOB))
    hits = await sql_store.by_words([EVE], "the azure sky of page", ALL, 50)
    assert {hit.id for hit in hits} == {memory(number).id for number in range(0, 200, 20)}
    assert hits[0].words == ("the", "azure", "sky", "of", "page")
    idf = {"the": log(1 + 0.5 / 200.5), "azure": log(1 + 190.5 / 10.5)}
    assert hits[0].bm25 == pytest.approx(idf["azure"] + 4 * idf["the"], rel=0.2)
    assert len(await sql_store.by_words([EVE], "the", ALL, 50)) == 50  # nothing else to choose by


async def test_a_filter_that_lets_few_through_finds_them(sql_store: SqlMemoryStore) -> None:
    paper, text, chunks = document(1, "blue sky " * 3000, size=18)
    await sql_store.add_document(paper, text, chunks, None)
    await sql_store.add(
        memory(1, "a long text in which the sky is mentioned, " + "and more " * 50, session="s")
    )
    assert await found(sql_store, "blue sky", EVE, wanted=Filter(session="s")) == [memory(1).id]
    assert await found(sql_store, "blue sky", EVE, wanted=Filter(kinds=frozenset({Kind.FACT}))) == [
        memory(1).id
    ]


WORDS = st.sampled_from(["sky", "blue", "sea", "horses", "run", "the"])
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
PUT = st.lists(st.tuples(st.sampled_from(SCOPES), TEXTS), min_size=1, max_size=12)
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(put=PUT, asker=st.sampled_from(SCOPES), question=TEXTS)
async def test_nothing_of_another_scope_is_ever_found(
    store: MemoryStore, put: list[tuple[Scope, str]], asker: Scope, question: str
) -> None:
    """By any method; the examples follow upon each other in one store."""
    for scope in SCOPES:
        await store.forget(scope, [memory(number).id for number in range(1, 30)])
        await store.delete_document(scope, document(99, "")[0].id)
    model = FakeMemoryStore()
    for number, (scope, text) in enumerate(put, 1):
        for each in (store, model):
            await each.add(memory(number, text, scope))
    other = next(scope for scope in SCOPES if scope not in asker.seen)
    paper, read, chunks = document(99, question, other)
    await store.add_document(paper, read, chunks, None)
    every = [memory(number).id for number in range(1, 30)] + [chunk.id for chunk in chunks]
    mine = {memory(number).id for number, (scope, _) in enumerate(put, 1) if scope in asker.seen}

    assert set(await store.find(asker.seen, every)) == mine
    assert {each.id for each in await store.page(asker.seen, ALL, before="", limit=99)} == mine
    hits = await store.by_words(asker.seen, question, ALL, 99)
    assert hits == pytest.approx(hits)
    expected = await model.by_words(asker.seen, question, ALL, 99)
    assert [(each.id, each.words) for each in hits] == [(each.id, each.words) for each in expected]
    assert Counter(each.id for each in hits).keys() <= mine
    assert await store.documents(asker.seen, before="", limit=99) == []
    assert await store.forget(asker, [id_ for id_ in every if id_ not in mine]) == 0
    assert not await store.delete_document(asker, paper.id)
    assert (await store.find_document([other], paper.id)).id == paper.id
