"""Prompt lookup against the same by trying every place."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.speculation.lookup import LONGEST, SHORTEST, Lookup

_TOKENS = st.lists(st.integers(0, 2), max_size=60)


def slowly(tokens: Sequence[int], count: int) -> list[int]:
    """The longest match by trying every place; the latest of several."""
    best, longest = None, SHORTEST - 1
    for place in range(len(tokens) - 1, 0, -1):
        length = 0
        while length < min(place, LONGEST) and tokens[place - 1 - length] == tokens[-1 - length]:
            length += 1
        if length > longest:
            best, longest = place, length
    if best is None:
        return []
    whole = list(tokens)
    for place in range(best, best + count):
        whole.append(whole[place])
    return whole[len(tokens) :]


@settings(deadline=None)
@given(tokens=_TOKENS, count=st.integers(1, 6))
def test_the_longest_match_is_copied(tokens: list[int], count: int) -> None:
    assert Lookup(candidates=1000).guess(tokens, count) == slowly(tokens, count)


@settings(deadline=None)
@given(tokens=_TOKENS, cuts=st.lists(st.integers(1, 7), min_size=1, max_size=30))
def test_an_index_that_grew_is_the_index_made_at_once(tokens: list[int], cuts: list[int]) -> None:
    index, end = Lookup(), 0
    for cut in cuts:
        end = min(len(tokens), end + cut)
        assert index.guess(tokens[:end], 4) == Lookup().guess(tokens[:end], 4)


def test_nothing_is_guessed_without_a_match() -> None:
    assert Lookup().guess([], 3) == []
    assert Lookup().guess([1, 2], 3) == []
    assert Lookup().guess(range(100), 3) == []


def test_a_repetition_goes_on() -> None:
    assert Lookup().guess([9, *[1, 2, 3, 4] * 2], 6) == [1, 2, 3, 4, 1, 2]
    assert Lookup().guess([5] * 8, 3) == [5, 5, 5]


def test_a_longer_match_goes_before_a_later_one() -> None:
    tokens = [8, 1, 2, 3, 70, 9, 1, 2, 3, 80, 8, 1, 2, 3]
    assert Lookup().guess(tokens, 1) == [70]
    assert Lookup().guess([*tokens[:10], 1, 2, 3], 1) == [80]


def test_memory_is_bounded() -> None:
    index = Lookup(positions=50)
    assert index.guess([*range(45, 0, -1), *range(100, 200), 30, 29, 28], 1) == [27]
    assert len(index) == 50
