import statistics
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.performance.statistics import Spread, quantile, ratios

_VALUES = st.floats(0.001, 1000.0)


@given(st.lists(_VALUES, min_size=1))
def test_the_median_is_the_standard_librarys(samples: list[float]) -> None:
    assert Spread.of(samples).median == pytest.approx(statistics.median(samples))


@given(st.lists(_VALUES, min_size=2))
def test_quartiles_are_those_with_both_ends(samples: list[float]) -> None:
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    spread = Spread.of(samples)
    assert [spread.q1, spread.q3] == pytest.approx([low, high])


@given(st.lists(_VALUES, min_size=1), st.randoms())
def test_the_order_of_samples_does_not_matter(samples: list[float], random: Random) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)
    assert Spread.of(shuffled) == Spread.of(samples)


def test_a_ratio_is_taken_round_by_round() -> None:
    """The second round was three times slower for both, which says nothing about either."""
    assert ratios([20.0, 6.0, 18.0], [10.0, 3.0, 9.0]) == Spread(2.0, 2.0, 2.0)


def test_rounds_must_match() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_no_samples_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Spread.of([])


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_between_nought_and_one(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        quantile([1.0], share)


def test_quantiles_lie_between_their_neighbours() -> None:
    assert [quantile([0.0, 10.0, 20.0], share) for share in (0.0, 0.25, 0.5, 0.99, 1.0)] == [
        0.0, 5.0, 10.0, pytest.approx(19.8), 20.0,
    ]  # fmt: skip
