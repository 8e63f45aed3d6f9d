"""Poisson arrivals, and what a case makes of when tokens came."""

from itertools import pairwise

import pytest

from evidence.performance.arrivals import Arrival, Served, poisson, take_turns
from evidence.performance.cases.mixed_load import outcome


def test_arrivals_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    def series(seed: int) -> list[tuple[float, int, int]]:
        return poisson(2.0, 20, (16, 256), (8, 64), seed)

    assert series(1) == series(1)
    assert series(1) != series(2)


def test_arrivals_come_at_their_rate_with_lengths_within_bounds() -> None:
    arrivals = poisson(4.0, 4000, (16, 256), (8, 64), seed=0)
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(arrivals)]
    assert sum(gaps) / len(gaps) == pytest.approx(0.25, rel=0.1)
    deviation = (sum((gap - 0.25) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(0.25, rel=0.1)  # of an exponential, the same as its mean
    assert {16 <= prompt <= 256 and 8 <= answer <= 64 for _, prompt, answer in arrivals} == {True}
    half = sum(prompt < 64 for _, prompt, _ in arrivals) / len(arrivals)
    assert half == pytest.approx(0.5, abs=0.05)  # 64 is the middle of 16 and 256 by orders of magnitude


def test_every_request_is_submitted_in_order_and_waited_for() -> None:
    arrivals: list[Arrival] = [
        {"name": str(i), "at": 0.001 * i, "prompt": [1], "tokens": 1} for i in range(5)
    ]
    submitted: list[str] = []
    ended: list[str] = []

    def settle(began: float) -> int:
        fresh = submitted[len(ended) :]
        ended.extend(fresh)
        return len(fresh)

    take_turns(arrivals, lambda arrival: submitted.append(arrival["name"]), settle)
    assert submitted == ended == ["0", "1", "2", "3", "4"]
    assert len(arrivals) == 5


def test_goodput_counts_only_what_was_served_well() -> None:
    well: Served = {"name": "a", "due": 1.0, "times": [2.0, 2.1, 2.2, 2.3]}
    late: Served = {"name": "b", "due": 0.0, "times": [2.5, 2.6]}
    halting: Served = {"name": "c", "due": 0.0, "times": [1.0, 1.1, 4.0]}
    found = outcome([well, late, halting], cpu=1.0, wall=4.0)
    assert found.goodput == pytest.approx(4 / 4.0)
    assert found.first == pytest.approx([1.0, 1.0, 2.5])
    assert found.gaps[-1] == pytest.approx(2.9)
