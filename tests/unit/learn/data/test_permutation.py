"""Orders that are computed are orders: each place once, and none more likely than another."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.learn.data.permutation import Permutation, key_of, shuffled

keys = st.integers(0, 2**64 - 1)


def chi_squared(counts: np.ndarray) -> float:
    """In standard deviations from what uniform counts give."""
    expected = counts.sum() / counts.size
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = counts.size - 1
    return float((statistic - freedom) / (2 * freedom) ** 0.5)


@settings(deadline=None, max_examples=30)
@given(size=st.one_of(st.integers(0, 40), st.integers(0, 3000)), key=keys)
def test_every_number_comes_once(size: int, key: int) -> None:
    permutation = Permutation(size, key)
    assert sorted(permutation(place) for place in range(size)) == list(range(size))
    assert sorted(shuffled(size, key).tolist()) == list(range(size))


@pytest.mark.parametrize("size", [2, 3, 7, 60])
def test_a_place_holds_every_number_alike_often(size: int) -> None:
    draws = 30 * size
    for place in (0, size // 2, size - 1):
        for order in (
            Counter(Permutation(size, key)(place) for key in range(draws)),
            Counter(int(shuffled(size, key_of(key))[place]) for key in range(draws)),
        ):
            counts = np.array([order[number] for number in range(size)])
            assert abs(chi_squared(counts)) < 6, (size, place, counts)


def test_neighbours_are_torn_apart() -> None:
    size, bins = 40_000, 20
    permutation = Permutation(size, 5)
    pairs = np.zeros((bins, bins))
    for place in range(0, size, 2):
        pairs[permutation(place) * bins // size, permutation(place + 1) * bins // size] += 1
    assert abs(chi_squared(pairs.ravel())) < 6


def test_keys_and_orders_stay_what_they_are() -> None:
    """A run that is resumed years later must find its order again."""
    assert key_of(7, "rows", "wiki") == 2446613571858174749
    assert [Permutation(10, 1)(place) for place in range(10)] == [2, 8, 9, 5, 3, 7, 0, 4, 1, 6]
    assert shuffled(10, 1).tolist() == [8, 4, 3, 7, 0, 1, 5, 9, 6, 2]


def test_streams_of_one_seed_differ() -> None:
    found = {key_of(seed, *names) for seed in (0, 1) for names in ((), ("a",), ("a", 1), ("b", 1), (1, "a"))}
    assert len(found) == 10


@pytest.mark.parametrize("place", [-1, 3])
def test_places_outside_are_refused(place: int) -> None:
    with pytest.raises(IndexError):
        Permutation(3, 0)(place)
