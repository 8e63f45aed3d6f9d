"""The core against the contract, every family through the same scheduler."""

from functools import cache, partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from tests.contract.engine.alone import alone
from tests.contract.engine.by_hand import SteppedCore
from tests.contract.engine.cases import ASKS, Ask
from tests.contract.engine.suite import Alone, check_as_if_alone
from tests.unit.engine.toys.loaded import FAMILIES, runtime

families = pytest.mark.parametrize("family", FAMILIES)
_QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@cache
def _runtime(family: str) -> Runtime:
    return runtime(family)


def _alone(family: str) -> Alone:
    return partial(alone, _runtime(family))


@families
@_QUICK
@given(asks=st.lists(ASKS, min_size=1, max_size=7, unique=True))
def test_answers_do_not_depend_on_the_company(family: str, asks: list[Ask]) -> None:
    engine = SteppedCore(_runtime(family))
    check_as_if_alone(engine, asks, _alone(family))


@families
@pytest.mark.parametrize("step_tokens", [1, 2, 5, 64])
def test_answers_do_not_depend_on_the_chunks(family: str, step_tokens: int) -> None:
    asks = [Ask("a longer prompt, cut in pieces", 8, temperature=0.9, seed=seed) for seed in range(3)]
    engine = SteppedCore(_runtime(family), Limits(step_tokens=step_tokens))
    check_as_if_alone(engine, asks, _alone(family))


@families
def test_answers_do_not_depend_on_the_order(family: str) -> None:
    asks = [Ask("abc" * number, 6, temperature=1.0, seed=number) for number in range(1, 6)]
    forwards, backwards = SteppedCore(_runtime(family)), SteppedCore(_runtime(family))
    assert forwards.answers(asks) == backwards.answers(asks[::-1])[::-1]


@families
def test_a_seed_gives_one_answer_and_seeds_differ(family: str) -> None:
    asks = [Ask("once", 12, temperature=1.0, seed=seed, priority=copy) for seed in (1, 2) for copy in (0, 1)]
    first, same, other, _ = SteppedCore(_runtime(family)).answers(asks)
    assert first == same
    assert first.tokens != other.tokens


@families
def test_nobody_starves_behind_priorities(family: str) -> None:
    urgent = [Ask("x" * 9, 3, seed=number, priority=2, arrives=number) for number in range(40)]
    patient = Ask("wait", 3, priority=-2)
    engine = SteppedCore(_runtime(family), Limits(max_sequences=1, step_tokens=9))
    answers = check_as_if_alone(engine, [patient, *urgent], _alone(family))
    assert answers[0].reason in ("length", "stop")
