"""A mixture deals rows in proportion, without gaps, at every moment."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.learn.data.mixture import Mixture

weights = st.dictionaries(
    st.sampled_from("abcdefgh"), st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1
).filter(lambda found: any(found.values()))
quick = settings(deadline=None, max_examples=80)


@quick
@given(weights=weights, seed=st.integers(0, 2**31))
def test_each_source_counts_its_own_rows_without_gaps(weights: dict[str, float], seed: int) -> None:
    mixture, counted = Mixture(weights, seed), Counter[int]()
    for row in range(300):
        assert mixture.drawn(row) == [counted[source] for source in range(len(weights))]
        source, index = mixture.draw(row)
        assert index == counted[source]
        assert weights[mixture.names[source]] > 0
        counted[source] += 1


@quick
@given(weights=weights, seed=st.integers(0, 2**31), rows=st.integers(0, 10**12))
def test_shares_hold_within_the_slack_anywhere(weights: dict[str, float], seed: int, rows: int) -> None:
    mixture = Mixture(weights, seed)
    total = sum(Fraction(str(weight)) for weight in weights.values())
    counts = mixture.drawn(rows)
    assert sum(counts) == rows
    for count, weight in zip(counts, weights.values(), strict=True):
        assert abs(count - rows * Fraction(str(weight)) / total) < mixture.slack
        assert count == 0 or weight > 0


def test_whole_proportions_are_met_exactly() -> None:
    mixture = Mixture({"a": 0.7, "b": 0.2, "none": 0, "c": 0.1}, seed=3)
    drawn = Counter(mixture.draw(row)[0] for row in range(1000))
    assert drawn == {0: 700, 1: 200, 3: 100}


def test_the_seed_moves_the_beginning_alone() -> None:
    orders = {tuple(Mixture({"a": 1, "b": 9}, seed).draw(row)[0] for row in range(10)) for seed in range(200)}
    assert len(orders) == 10
    assert all(order.count(0) == 1 for order in orders)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_share_is_refused(weight: float) -> None:
    with pytest.raises(InvalidArgument, match=r"mixture\.b is .*; a weight is 0 or more"):
        Mixture({"a": 1, "b": weight}, 0)


def test_a_mixture_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="at least one source needs a weight above 0"):
        Mixture({"a": 0}, 0)
