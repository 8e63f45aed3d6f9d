"""Values that are remembered: one looks a stale one up, and none is used for ever."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from colonnade.gateway.service.known import Known


def test_one_looks_it_up_and_the_others_go_on() -> None:
    known = Known("value", 100.0, 5.0)
    assert not known.due(104.9)
    assert known.due(105.0)
    assert not known.due(105.5), "somebody is at it"
    assert known.due(106.0), "that took too long: the next one tries"
    assert not known.due(106.9)


def test_twice_as_old_as_it_may_be_everyone_asks() -> None:
    known = Known("value", 100.0, 5.0)
    assert known.due(109.5)
    assert not known.due(109.9)
    assert known.due(110.0)
    assert known.due(110.0)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60).map(sorted))
def test_at_most_one_a_second_asks_before_that(times: list[float]) -> None:
    known = Known("value", 0.0, 5.0)
    asked = [now for now in times if known.due(now) and now < 10]
    assert all(now >= 5 for now in asked)
    assert all(later - sooner >= 1 for sooner, later in pairwise(asked))
    assert all(known.due(now) for now in times if now >= 10)
