"""Wilson's interval, by hand, and where it must not be rounded."""

import pytest

from colonnade.ethics.domain.rates import wilson


def test_eight_of_ten() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(2, 10) == pytest.approx((1 - 0.9433, 1 - 0.4902), abs=1e-4)


@pytest.mark.parametrize("of", [1, 3, 7, 50, 999])
def test_nothing_is_no_more_than_nothing(of: int) -> None:
    low, high = wilson(0, of)
    assert (low, wilson(of, of)[1]) == (0.0, 1.0)
    assert 0 < high < 1
    assert wilson(of, of)[0] == pytest.approx(1 - high)


def test_of_nothing_it_may_be_anything() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
