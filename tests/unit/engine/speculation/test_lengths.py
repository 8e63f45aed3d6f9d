"""How many tokens are guessed: what pays by measured costs and lately seen acceptance."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.engine.speculation.costs import MAX_ROWS, STALE, RowCosts
from colonnade.engine.speculation.lengths import LAST_PROBE, Acceptance, Adaptive, Fixed, Pace, expected


def _measured(most: int = 5, *, row: float, draft: float = 0.0, usual: float = 0.7) -> Adaptive:
    """A machine where a forward takes 1 and ``row`` for each further row."""
    lengths = Adaptive(most, usual)
    for rows in range(1, MAX_ROWS + 1):
        lengths.forwarded(rows, 1.0 + row * (rows - 1))
    if draft:
        lengths.drafted(2, 2 * draft)
    return lengths


def _paces(*shares: float) -> list[Pace]:
    return [Pace(share) for share in shares]


def test_free_rows_and_good_guesses_go_to_the_limit() -> None:
    assert _measured(row=0.0).choose(_paces(0.9), 1) == [5]


def test_a_batch_that_is_busy_computing_is_not_guessed_for() -> None:
    lengths = _measured(row=1.0)
    assert lengths.choose(_paces(*[0.9] * 8), 8) == [0] * 8


def test_few_sequences_are_guessed_for_where_many_are_not() -> None:
    lengths = _measured(row=0.1)
    assert lengths.choose(_paces(0.6), 1)[0] > 0
    assert lengths.choose(_paces(*[0.6] * 30), 30) == [0] * 30


def test_bad_guesses_are_left_out_beside_good_ones() -> None:
    assert _measured(row=0.02).choose(_paces(0.95, 0.01), 2) == [5, 0]


def test_a_dear_draft_is_not_asked() -> None:
    assert _measured(row=0.0, draft=0.1).choose(_paces(0.6), 1)[0] > 0
    assert _measured(row=0.0, draft=0.9).choose(_paces(0.6), 1) == [0]


@given(
    share=st.floats(0.05, 0.95), draft=st.floats(0.01, 1.0), count=st.integers(1, 8),
)  # fmt: skip
def test_free_rows_make_it_the_formula(share: float, draft: float, count: int) -> None:
    formula = (1 - share ** (count + 1)) / ((1 - share) * (count * draft + 1))
    assert expected(share, count) / (count * draft + 1) == pytest.approx(formula)


def test_acceptance_follows_what_was_judged() -> None:
    acceptance = Acceptance(0.5)
    assert acceptance.share == 0.5
    acceptance.heard(4, 4)
    assert acceptance.share > 0.7
    for _ in range(60):
        acceptance.heard(4, 1)  # one right, one wrong, two never looked at
    assert acceptance.share == pytest.approx(0.5, abs=0.01)


def test_new_sequences_start_from_what_is_usual() -> None:
    lengths = _measured(row=0.05)
    for _ in range(50):
        lengths.heard(4, 0)
    assert lengths.pace().acceptance.share < 0.05
    assert lengths.choose([lengths.pace()], 1) == [0]


def test_what_did_not_pay_is_tried_again_ever_more_seldom() -> None:
    lengths, (pace,) = _measured(row=0.05), _paces(0.0)
    tried = []
    for step in range(3000):
        if lengths.choose([pace], 1) == [1]:
            tried.append(step)
            pace.heard(1, 0)
    gaps = [after - before for before, after in pairwise(tried)]
    assert gaps == sorted(gaps)
    assert gaps[0] == 16
    assert gaps[-1] == LAST_PROBE
    pace.heard(4, 4)
    assert lengths.choose([pace], 1)[0] > 1, "what pays again is taken up again"


def test_costs_are_measured_and_filled_in_between() -> None:
    costs = RowCosts()
    assert costs.seconds(11) == pytest.approx(2.0), "until measured, a row costs a tenth"
    costs.observe(1, 0.010)
    assert costs.seconds(11) == pytest.approx(0.020)
    costs.observe(5, 0.014)
    assert costs.seconds(3) == pytest.approx(0.012)
    costs.observe(MAX_ROWS + 1, 9.0)
    assert costs.seconds(MAX_ROWS + 1) < 0.2, "prompts do not count"


def test_an_interruption_is_not_taken_for_a_cost() -> None:
    costs = RowCosts()
    costs.observe(1, 0.010)
    costs.observe(1, 10.0)
    assert costs.seconds(1) < 0.015
    for _ in range(9):
        costs.observe(1, 0.010)
    assert costs.seconds(1) == pytest.approx(0.010, rel=0.01)


def test_a_fixed_length_is_fixed() -> None:
    lengths = Fixed(3)
    lengths.forwarded(1, 1.0)
    lengths.drafted(1, 100.0)
    lengths.heard(3, 0)
    assert lengths.choose([lengths.pace()] * 2, 99) == [3, 3]


def test_what_was_not_measured_for_long_is_forgotten() -> None:
    costs = RowCosts()
    costs.observe(5, 9.0)
    for _ in range(STALE - 1):
        costs.observe(1, 0.010)
    assert costs.seconds(5) == 9.0
    costs.observe(1, 0.010)
    assert costs.seconds(5) == pytest.approx(0.014)


def test_a_cost_that_stays_is_believed() -> None:
    costs = RowCosts()
    for seconds in (0.010, *[0.020] * 100):
        costs.observe(1, seconds)
    assert costs.seconds(1) == pytest.approx(0.020, rel=0.02)
