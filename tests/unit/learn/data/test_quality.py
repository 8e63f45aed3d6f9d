"""The rules: each at its threshold, and the published presets on what they are for."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from colonnade.learn.data.quality import RULES, first_broken
from colonnade.learn.data.quality.repetition import NGrams
from colonnade.learn.data.settings import QualitySettings

PROSE = (
    "The harbour was quiet that morning, and the boats that had come in with the tide lay beside the wall. "
    "Nobody spoke of the storm. An old man mended a net with a needle of bone, while two children asked him "
    "what the sea would bring to the village next. He said that it brings what it has, and takes what it "
    "can, and that one has to be patient with both. Later the bell of the chapel rang across the water.\n\n"
    "In the afternoon a letter arrived from the city. It was addressed to nobody whom they knew."
)

CASES: list[tuple[str, Any, str, str]] = [
    ("min_characters", 3, "ab", "abc"),
    ("max_characters", 3, "abcd", "abc"),
    ("min_words", 2, "one", "one two"),
    ("max_words", 2, "one two three", "one two"),
    ("min_mean_word_length", 2.0, "a b cd", "ab cd"),
    ("max_mean_word_length", 3.0, "abcd abc", "abc abc"),
    ("max_symbols_per_word", 0.5, "# # word", "# word"),
    ("max_symbols_per_word", 0.5, "one... two...", "one... two"),
    ("max_bullet_lines", 0.5, "- a\n* b\nc", "- a\nb"),
    ("max_ellipsis_lines", 0.5, "a...\nb…\nc", "a...\nb"),
    ("min_alphabetic_words", 0.5, "1 2 a", "1 a2"),
    ("min_stop_words", 2, "the the cat", "The cat and dog"),
    ("min_sentences", 2, "One. version 2.0 here", "One. Two!"),
    ("min_sentences", 2, "一句。", "一句。两句。"),
    ("forbidden", ("Lorem ipsum",), "So Lorem Ipsum it is", "ipsum lorem"),
    ("min_punctuated_lines", 0.5, "a.\nb\nc", "a.\nb"),
    ("max_short_lines", 0.5, "short\nshort\n" + "long " * 9, "short\n" + "long " * 9),
    ("max_repeated_lines", 0.3, "a\na\nb", "a\na\nb\nc"),
    ("max_repeated_line_characters", 0.3, "aaaa\naaaa\nb", "a\na\nbbbb"),
    ("max_repeated_paragraphs", 0.3, "a\n\na\n \nb", "a\n\na\n\nb\n\nc"),
    ("max_repeated_paragraph_characters", 0.3, "aaaa\n\naaaa\n\nb", "a\n\na\n\nbbbb"),
    ("max_top_ngram_characters", {2: 0.5}, "a b c a b", "a b c d e f a b"),
    ("max_repeated_ngram_characters", {2: 0.3}, "a b c a b", "a b c d e f a b"),
]


@pytest.mark.parametrize(("rule", "threshold", "bad", "good"), CASES)
def test_each_rule_at_its_threshold(rule: str, threshold: Any, bad: str, good: str) -> None:
    settings = QualitySettings.model_validate({rule: threshold})
    assert first_broken(bad, settings) == rule
    assert first_broken(good, settings) == ""


def test_every_rule_has_a_setting_and_a_case() -> None:
    assert set(RULES) == set(QualitySettings.model_fields) - {"preset"} == {rule for rule, *_ in CASES}


@pytest.mark.parametrize("preset", ["gopher", "c4", "fineweb"])
def test_presets_keep_prose_and_drop_what_is_none(preset: str) -> None:
    settings = QualitySettings.model_validate({"preset": preset})
    assert first_broken(PROSE, settings) == ""
    for bad in ("", "Home\nLogin\nImprint\n" * 30, "x" * 5000, "7 8 9 " * 200, "Buy now! " * 300):
        assert first_broken(bad, settings) or preset == "c4"


def test_a_preset_gives_way_to_what_is_said() -> None:
    said = QualitySettings.model_validate({"preset": "gopher", "min_words": None, "max_words": 7})
    assert (said.min_words, said.max_words, said.min_stop_words) == (None, 7, 2)


@pytest.mark.parametrize(
    "said", [{"min_word": 3}, {"max_short_lines": 1.5}, {"min_words": "3"}, {"preset": "x"}]
)
def test_what_is_no_rule_or_no_threshold_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QualitySettings.model_validate(said)


_WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "dd"]), min_size=1, max_size=40)


@given(_WORDS, st.integers(1, 6))
def test_repeated_ngrams_are_those_of_a_plain_count(words: list[str], n: int) -> None:
    grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
    covered: set[int] = set()
    for at, gram in enumerate(grams):
        if gram in grams[:at]:
            covered.update(range(at, at + n))
    total = sum(map(len, words))
    assert NGrams(words).repeated(n) == pytest.approx(sum(len(words[at]) for at in covered) / total)
    sizes = [count * sum(map(len, gram)) for gram, count in Counter(grams).items() if count > 1]
    assert NGrams(words).top(n) == pytest.approx(max(sizes, default=0) / total)


def test_the_order_of_rules_is_that_of_their_cost() -> None:
    everything = QualitySettings.model_validate({"min_words": 5, "max_top_ngram_characters": {2: 0.0}})
    assert first_broken("a b a b", everything) == "min_words"
