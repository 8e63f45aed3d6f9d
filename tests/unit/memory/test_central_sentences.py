"""Shortening to sentences that were said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import Unavailable
from colonnade.memory.adapters.central_sentences import CentralSentences, chosen_of, cut, sentences_of
from tests.unit.memory.house import FakeEmbedder


async def test_the_most_central_sentences_in_their_order_and_none_twice() -> None:
    writer = CentralSentences(FakeEmbedder())
    texts = [
        "Rome is warm in May. We had lunch in Rome with Zoe.",
        "We had lunch in Rome, with Zoe. The train was late.",
        "Zoe had lunch with us in Rome in May.",
    ]
    said = await writer.shorten(texts, 80)
    assert len(said) <= 80
    assert said.count("lunch") == 1
    assert "Rome" in said
    for sentence in sentences_of(said):
        assert any(sentence in text for text in texts)
    assert await writer.shorten(texts, 80) == said


async def test_one_sentence_is_cut_at_a_word() -> None:
    writer = CentralSentences(FakeEmbedder())
    assert await writer.shorten(["a few words without an end"], 12) == "a few words"
    assert await writer.shorten(["aaaaaaaaaaaaaa"], 5) == "aaaaa"
    assert await writer.shorten([], 5) == ""
    assert await writer.shorten(["  \n "], 5) == ""


async def test_where_no_sentence_fits_the_longest_is_cut() -> None:
    writer = CentralSentences(FakeEmbedder())
    said = await writer.shorten(["This is one sentence. And this is a longer sentence."], 10)
    assert said == "And this"


async def test_of_very_many_some_are_looked_at() -> None:
    embedder = FakeEmbedder()
    said = await CentralSentences(embedder).shorten(
        [f"Sentence {number} is here." for number in range(5000)], 60
    )
    assert len(embedder.asked[0]) == 512
    assert 0 < len(said) <= 60


async def test_without_an_embedder_it_is_for_another_time() -> None:
    with pytest.raises(Unavailable):
        await CentralSentences(FakeEmbedder(failure=Unavailable("away"))).shorten(["A. B.", "C."], 10)


def test_sentences_end_where_languages_end_them() -> None:
    assert sentences_of("One. Two!  Three?\nFour\n\n五。 六") == [
        "One.",
        "Two!",
        "Three?",
        "Four",
        "五。",
        "六",
    ]


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=8), st.integers(1, 100))
async def test_never_longer_than_asked(texts: list[str], characters: int) -> None:
    assert len(await CentralSentences(FakeEmbedder()).shorten(texts, characters)) <= characters


@given(
    st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=10), st.integers(1, 60)
)
def test_chosen_fit_and_stand_in_order(vectors: list[list[float]], characters: int) -> None:
    sentences = [f"sentence {number}" for number in range(len(vectors))]
    chosen = chosen_of(sentences, vectors, characters)
    assert chosen == sorted(set(chosen))
    assert len(" ".join(sentences[place] for place in chosen)) <= characters


@given(st.text(), st.integers(1, 50))
def test_cut_is_a_beginning(text: str, characters: int) -> None:
    assert text.startswith(cut(text, characters))
    assert len(cut(text, characters)) <= max(characters, 0) or len(text) <= characters
