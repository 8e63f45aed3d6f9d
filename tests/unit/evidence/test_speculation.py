"""The formula that speculation is measured beside."""

import pytest

from evidence.performance.cases.speculation import acceptance, formula


def test_acceptance_counts_guesses_that_were_judged() -> None:
    """Of four guesses with one right, two were judged: the right one and the first wrong one."""
    assert acceptance([{"verified": [(4, 1)]}]) == 0.5
    assert acceptance([{"verified": [(4, 4)]}, {"verified": [(4, 0)]}]) == pytest.approx(4 / 5)
    assert acceptance([{"verified": []}]) == 0.0


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_with_free_rows_the_formula_is_leviathans(share: float) -> None:
    guesses, price = 4, 0.1
    record = {
        "verified": [(guesses, 0)] * 7, "plain_steps": 0,
        "seconds": {"1": 1.0, "5": 1.0}, "guess_seconds": price,
    }  # fmt: skip
    published = (1 - share ** (guesses + 1)) / ((1 - share) * (1 + guesses * price))
    assert formula(record, share, 1.0) == pytest.approx(published)


def test_steps_without_guesses_gain_nothing() -> None:
    record = {"verified": [], "plain_steps": 9, "seconds": {"1": 2.0}, "guess_seconds": 0.0}
    assert formula(record, 0.9, 2.0) == 1.0


def test_rows_that_cost_as_much_as_steps_gain_nothing() -> None:
    record = {"verified": [(4, 4)], "plain_steps": 0, "seconds": {"5": 5.0}, "guess_seconds": 0.0}
    assert formula(record, 1.0, 1.0) == 1.0
