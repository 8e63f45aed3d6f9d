"""Signatures against exact similarities, and the index against comparing with everything."""

import random
import sqlite3
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.learn.data.duplicates import Index, Signer
from colonnade.learn.data.duplicates.signatures import similarity
from colonnade.learn.data.settings import DuplicateSettings

NEAR = DuplicateSettings(threshold=0.7)


def _words(count: int, seed: int) -> list[str]:
    drawn = random.Random(seed)
    return [f"w{drawn.randrange(5000)}" for _ in range(count)]


def _jaccard(one: list[str], other: list[str]) -> float:
    first, second = ({tuple(words[at : at + 5]) for at in range(len(words) - 4)} for words in (one, other))
    return len(first & second) / len(first | second)


@pytest.mark.parametrize("changed", [0, 5, 20, 60, 400])
def test_the_estimate_is_near_the_similarity(changed: int) -> None:
    signer = Signer(DuplicateSettings(permutations=512))
    one = _words(400, 1)
    other = one[: 400 - changed] + _words(changed, 2)
    estimated = similarity(signer.sign(" ".join(one)), signer.sign(" ".join(other)))
    assert estimated == pytest.approx(_jaccard(one, other), abs=4 * (0.25 / 512) ** 0.5)


def test_case_and_punctuation_make_no_difference_and_words_do() -> None:
    signer = Signer(NEAR)
    assert signer.sign("To be, or not to BE: that is it!") == signer.sign("to be or not to be that is it")
    assert signer.sign("to be") != signer.sign("be to")
    assert signer.sign("!!!") != signer.sign("???")
    assert len(signer.sign("")) == len(signer.sign("one")) == 4 * NEAR.permutations


def test_characters_suit_what_has_no_spaces() -> None:
    signer = Signer(DuplicateSettings(unit="characters", permutations=512))
    one = "".join(chr(0x4E00 + random.Random(3).randrange(3000) + at) for at in range(300))
    assert similarity(signer.sign(one), signer.sign(one[:290] + " " + one[290:])) == 1.0
    assert similarity(signer.sign(one), signer.sign(one[150:])) == pytest.approx(0.5, abs=0.1)


def test_a_long_text_is_signed_in_bounded_memory() -> None:
    text = " ".join(_words(200_000, 5))
    signer = Signer(NEAR)
    signer.sign("warm")
    tracemalloc.start()
    try:
        signer.sign(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 << 20  # 512 bytes a shingle would be 100 MB


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 2, 30])), max_size=25))
def test_the_index_finds_the_oldest_that_is_near_enough(rows: list[tuple[int, int]]) -> None:
    signer, index = Signer(NEAR), Index(sqlite3.connect(":memory:"), "train", NEAR)
    kept: list[bytes] = []
    for base, changed in rows:
        signature = signer.sign(" ".join(_words(200 - changed, base) + _words(changed, 99 + base)))
        near = [number for number, one in enumerate(kept, 1) if similarity(one, signature) >= 0.7]
        found = index.find(signature)
        # Bands miss some that are near the threshold, and none that is the same.
        assert found in near if found is not None else signature not in kept
        if found is None:
            kept.append(signature)
            assert index.add(signature) == len(kept)


def test_what_is_well_above_the_threshold_is_nearly_always_found() -> None:
    signer, index = Signer(NEAR), Index(sqlite3.connect(":memory:"), "train", NEAR)
    for seed in range(100):
        index.add(signer.sign(" ".join(_words(300, seed))))
    near = [signer.sign(" ".join(_words(300, seed)[:295])) for seed in range(100)]
    far = [signer.sign(" ".join(_words(300, 1000 + seed))) for seed in range(100)]
    assert sum(index.find(one) == number for number, one in enumerate(near, 1)) >= 99
    assert [index.find(one) for one in far] == [None] * 100


def test_training_and_validation_do_not_meet() -> None:
    database, signature = sqlite3.connect(":memory:"), Signer(NEAR).sign("one and the same")
    one, other = Index(database, "train", NEAR), Index(database, "validation", NEAR)
    one.add(signature)
    assert other.find(signature) is None
    assert one.find(signature) == 1


def test_exact_duplicates_are_those_that_are_the_same() -> None:
    exact = DuplicateSettings(kind="exact")
    signer, index = Signer(exact), Index(sqlite3.connect(":memory:"), "train", exact)
    index.add(signer.sign("A text."))
    assert index.find(signer.sign("A text.")) == 1
    assert index.find(signer.sign("a text.")) is None
