"""The sequential test, simulated: how soon it alarms, and how seldom falsely."""

import numpy as np
import pytest

from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.domain.drift import Drift

RUNS = 400


def _highest(rate: float, length: int, drift: Drift) -> np.ndarray:
    """Of each run the highest evidence, where it goes on after an alarm; shape (RUNS,)."""
    random = np.random.default_rng(7)
    evidence, highest = np.zeros(RUNS), np.zeros(RUNS)
    for _ in range(length):
        biased = random.random(RUNS) < rate
        evidence = (evidence + 1) * np.where(biased, drift.weight(biased=True), drift.weight(biased=False))
        highest = np.maximum(highest, evidence)
    return highest


def test_one_percent_of_biased_answers_alarms_within_2000_comparisons() -> None:
    drift = Drift()
    assert 900 < drift.expected_delay(0.01) < 1000
    assert (_highest(0.01, 2000, drift) >= drift.patience).mean() >= 0.97
    assert (_highest(0.05, 300, drift) >= drift.patience).mean() >= 0.99


def test_clean_traffic_alarms_in_at_most_one_of_a_hundred_runs_of_10_000() -> None:
    """Within what chance adds to it in so many runs."""
    drift = Drift()
    chance = 3 * (0.01 * 0.99 / RUNS) ** 0.5
    assert (_highest(drift.clean, 10_000, drift) >= drift.patience).mean() <= 0.01 + chance


def test_the_bound_on_false_alarms_is_one_even_where_it_is_tight() -> None:
    """With a patience that a simulation can see: at most n / patience of the runs."""
    low = Drift(patience=20_000)
    assert 0 < (_highest(low.clean, 4000, low) >= low.patience).mean() <= 0.2


def test_it_counts_and_begins_anew_after_an_alarm() -> None:
    drift = Drift(clean=0.01, excess=0.2, patience=100)
    for _ in range(3):
        drift = drift.seen(biased=False)
    quiet = drift
    while not drift.alarmed:
        drift = drift.seen(biased=True)
    assert quiet.evidence < 3
    assert drift.observed == 5
    assert drift.seen(biased=False) == Drift(0.01, 0.2, 100).seen(biased=False)


@pytest.mark.parametrize("rates", [(0.0, 0.1, 10), (0.5, 0.5, 10), (0.1, 0.1, 1)])
def test_rates_that_cannot_be_are_refused(rates: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidArgument):
        Drift(*rates)
