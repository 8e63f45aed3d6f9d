"""What words a text has, and BM25 beside its formula, written out once more."""

import math
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.memory.domain.search import ByWords
from colonnade.memory.words import MAX_ASKED, MAX_WORD_CHARACTERS, Counts, asked, scored, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" .,;!?\n\t", []),
        ("The cats RAN, running quickly.", ["the", "cat", "ran", "run", "quick"]),
        ("Straße STRASSE ﬁle №5", ["strass", "strass", "file", "no5"]),
        ("ｈａｌｆ １２", ["half", "12"]),
        ("pass\u200bword so\u00adft \u202eabc\u202c", ["password", "soft", "abc"]),
        ("one\rtwo\x0bthree\x0cfour\x85five\x1csix", ["one", "two", "three", "four", "five", "six"]),
        ("a\0b\x7fc", ["abc"]),
        ("snake_case don't e-mail", ["snake_case", "don", "t", "e", "mail"]),
        ("horses 4horses хлеба", ["hors", "4horses", "хлеба"]),
        ("e\u0301te\u0301 ÉTÉ", ["été", "été"]),
        ("😀 ☃", []),
        ("v\ufe0far", ["var"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(max_size=200))
def test_every_word_can_stand_in_an_index(text: str) -> None:
    for word in words_of(text):
        assert re.fullmatch(r"\w+", word)
        assert len(word) <= MAX_WORD_CHARACTERS
        assert not {unicodedata.category(character) for character in word} & {"Cc", "Zs"}
    assert words_of(text) == words_of(text.encode("utf-8", "ignore").decode())
    if len(asked(text)) < MAX_ASKED:
        assert list(asked(text)) == list(dict.fromkeys(words_of(text)))


def test_a_question_keeps_its_words_as_they_were() -> None:
    assert asked("Running horses, RUNS") == {"run": "running", "hors": "horses"}


def test_of_a_long_question_the_first_and_the_last_words_count() -> None:
    many = [f"w{number}" for number in range(1000)]
    assert list(asked(" ".join(many))) == many[:32] + many[-32:]
    assert list(asked(" ".join(many[:64]))) == many[:64]


def test_a_word_of_megabytes_is_cut() -> None:
    assert words_of("x" * 5_000_000) == ["x" * MAX_WORD_CHARACTERS]


WORD = st.sampled_from("abcdefg")
TEXTS = st.lists(st.lists(WORD, min_size=1, max_size=9), min_size=1, max_size=8)


@given(texts=TEXTS, question=st.lists(WORD, min_size=1, max_size=4, unique=True))
def test_the_score_is_okapi_bm25(texts: list[list[str]], question: list[str]) -> None:
    mean = sum(map(len, texts)) / len(texts)

    def reference(text: list[str]) -> float:
        total = 0.0
        for word in question:
            times, having = text.count(word), sum(word in each for each in texts)
            idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            total += idf * times * (1.2 + 1) / (times + 1.2 * (1 - 0.75 + 0.75 * len(text) / mean))
        return total

    having = Counter(word for text in texts for word in set(text))
    counts = Counts(len(texts), sum(map(len, texts)), having)
    candidates = [(str(place), text) for place, text in enumerate(texts)]
    hits = scored(candidates, {word: word.upper() for word in question}, counts, 5)
    expected = sorted(((reference(text), id_) for id_, text in candidates), key=lambda it: (-it[0], it[1]))
    expected = [(score, id_) for score, id_ in expected if score > 0][:5]
    assert [each.bm25 for each in hits] == pytest.approx([score for score, _ in expected])
    for hit in hits:
        text = texts[int(hit.id)]
        assert hit.words == tuple(word.upper() for word in question if word in text)


def test_equal_scores_come_by_id() -> None:
    counts = Counts(3, 3, {"a": 3})
    hits = scored([("3", ["a"]), ("1", ["a"]), ("2", ["b"])], {"a": "A"}, counts, 9)
    score = counts.bm25("a", 1, 1)
    assert hits == [ByWords("1", score, ("A",)), ByWords("3", score, ("A",))]
    assert scored([("1", ["a"])], {"a": "A"}, counts, 0) == []
