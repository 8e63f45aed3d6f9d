"""Leases as a state machine, on a clock that is moved by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import Overloaded
from colonnade.inference.domain.leases import SHORTEST_SECONDS, Leases
from tests.unit.inference.clock import Clock

LONGEST, CAPACITY = 15.0, 3
addresses = st.sampled_from("abcde")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), addresses, st.floats(0, 100, allow_nan=False)),
        st.tuples(st.just("end"), addresses, st.just(0.0)),
        st.tuples(st.just("pass"), st.just(""), st.floats(0, 20, allow_nan=False)),
        st.tuples(st.just("expire"), st.just(""), st.just(0.0)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(steps=steps)
def test_a_lease_holds_exactly_as_long_as_was_granted(steps: list[tuple[str, str, float]]) -> None:
    clock = Clock()
    leases = Leases(LONGEST, CAPACITY, clock)
    model: dict[str, float] = {}
    for step, address, amount in steps:
        if step == "grant":
            if address not in model and len(model) == CAPACITY:
                with pytest.raises(Overloaded, match="COLONNADE_INFERENCE_MAX_ENGINES"):
                    leases.grant(address, amount)
                continue
            granted = leases.grant(address, amount)
            assert granted == (min(LONGEST, max(SHORTEST_SECONDS, amount)) if amount else LONGEST)
            model[address] = clock.now + granted
        elif step == "end":
            assert leases.end(address) == (model.pop(address, 0.0) > clock.now)
        elif step == "pass":
            clock.now += amount
        else:
            out = {each for each, end in model.items() if end <= clock.now}
            assert set(leases.expired()) == out
            model = {each: end for each, end in model.items() if each not in out}
        assert len(leases) == len(model) <= CAPACITY
        for each in "abcde":
            assert leases.left(each) == pytest.approx(max(0.0, model.get(each, 0.0) - clock.now))
            assert (each in leases) == (model.get(each, 0.0) > clock.now)
        upcoming = leases.until_next()
        assert (upcoming is None) == (not model)
        if upcoming is not None:
            assert upcoming == pytest.approx(max(0.0, min(model.values()) - clock.now))
