"""Answers of a given form, in company, with guesses, with little room: as if alone, and of that form."""

import re
from collections.abc import Sequence as Row
from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from tests.contract.engine.alone import alone
from tests.contract.engine.by_hand import SteppedCore
from tests.contract.engine.cases import ASKS, CROWDED, Answer, Ask
from tests.contract.engine.suite import check_as_if_alone
from tests.contract.engine.test_speculation import GuessingCore
from tests.unit.engine.toys.loaded import runtime

# Written out: of which characters are digits or spaces, two libraries' Unicode tables know different numbers.
FORMS = ["", "[a-c]+", "([0-9][0-9]-){2}x", "(yes|no|perhaps)!?", r"\{([ ]?\"[a-z]{1,3}\",?)*\}"]
_QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def _formed(asks: st.SearchStrategy[Ask]) -> st.SearchStrategy[list[Ask]]:
    one = st.builds(lambda ask, form: replace(ask, regex=form, stop=()), asks, st.sampled_from(FORMS))
    return st.lists(one, min_size=1, max_size=7, unique=True)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@cache
def _runtime(family: str) -> Runtime:
    return runtime(family)


def _check_forms(asks: Row[Ask], answers: Row[Answer]) -> None:
    for ask, answer in zip(asks, answers, strict=True):
        if ask.regex and answer.reason == "stop":
            assert re.fullmatch(ask.regex, answer.text), (ask, answer)


@pytest.mark.parametrize("family", ["recurrent", "transformer"])
@_QUICK
@given(asks=_formed(ASKS))
def test_answers_do_not_depend_on_the_company(family: str, asks: list[Ask]) -> None:
    engine = SteppedCore(_runtime(family))
    _check_forms(asks, check_as_if_alone(engine, asks, partial(alone, _runtime(family))))


@pytest.mark.parametrize("guesser", ["noise", "near", "lookup"])
@_QUICK
@given(asks=_formed(ASKS))
def test_answers_are_those_without_guesses(guesser: str, asks: list[Ask]) -> None:
    engine = GuessingCore("transformer", guesser)
    _check_forms(asks, check_as_if_alone(engine, asks, partial(alone, _runtime("transformer"))))


@_QUICK
@given(asks=_formed(CROWDED), spare_pages=st.integers(0, 4))
def test_answers_do_not_depend_on_the_room(asks: list[Ask], spare_pages: int) -> None:
    mine = runtime("transformer", _runtime("transformer").model)
    room = mine.store.bytes_for(100) + spare_pages * mine.store.bytes_for(16)
    engine = SteppedCore(mine, Limits(64, 5, 24, room))
    _check_forms(asks, check_as_if_alone(engine, asks, partial(alone, _runtime("transformer"))))
