"""Pauses between tries."""

from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import backoff

SECONDS = st.floats(1e-3, 1e6)


@given(SECONDS, SECONDS, st.integers(1, 10**6))
def test_each_pause_is_twice_the_one_before_up_to_the_longest(
    first: float, longest: float, failures: int
) -> None:
    assert backoff(1, first=first, longest=longest) == min(first, longest)
    now, after = (backoff(count, first=first, longest=longest) for count in (failures, failures + 1))
    assert after == min(2 * now, longest)
    assert 0 < now <= longest


def test_a_failure_that_never_ends_is_no_overflow() -> None:
    assert backoff(10**9, first=0.1, longest=2.0) == 2.0
