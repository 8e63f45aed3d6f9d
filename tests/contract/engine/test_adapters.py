"""Requests with unlike adapters and with none, in one batch: each answers as if it were alone."""

from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from colonnade.engine.kernels.low_rank import added_natively
from colonnade.engine.runtime import Runtime
from colonnade.engine.scheduler import Limits
from colonnade.models.adapters import bank_of
from tests.contract.engine.alone import alone
from tests.contract.engine.by_hand import SteppedCore
from tests.contract.engine.cases import ASKS, Ask
from tests.contract.engine.suite import check_as_if_alone
from tests.unit.engine.adapters.made import random_parts
from tests.unit.engine.toys.loaded import runtime

_QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
_KINDS = [
    (1, ["q_proj"]),
    (2, ["q_proj", "v_proj"]),
    (3, ["down_proj"]),
    (4, ["k_proj", "o_proj"]),
    (5, ["gate_proj", "up_proj"]),
    (8, ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
    (16, ["o_proj", "up_proj"]),
    (2, ["q_proj", "v_proj"]),
]
NAMES = [f"sha256:{number}" for number in range(len(_KINDS))]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@cache
def _runtime() -> Runtime:
    made = runtime("transformer")
    bank = bank_of(made.model)
    assert bank is not None
    bank.kernel = added_natively
    for seed, (name, (rank, targets)) in enumerate(zip(NAMES, _KINDS, strict=True)):
        bank.add(name, random_parts(bank, rank, targets, seed, size=0.5))
    return made


_ALONE = partial(alone, _runtime())
_ADAPTED = st.builds(lambda ask, name: replace(ask, adapter=name), ASKS, st.sampled_from(["", *NAMES]))


# Its first token is half a character, so the end token is what completes the stop string.
_STOPPED_BY_THE_LAST = Ask(
    " aaaé  €dbadb", 2, temperature=1.5, min_p=0.05, repetition_penalty=1.3, seed=1231, stop=("\ufffd",),
    adapter=NAMES[2], frequency_penalty=0.6, bias=((65, 3.0), (66, -5.0)),
)  # fmt: skip


@_QUICK
@example(asks=[_STOPPED_BY_THE_LAST])
@given(asks=st.lists(_ADAPTED, min_size=2, max_size=9, unique=True))
def test_answers_do_not_depend_on_the_company(asks: list[Ask]) -> None:
    check_as_if_alone(SteppedCore(_runtime()), asks, _ALONE)


@pytest.mark.parametrize("step_tokens", [3, 64])
def test_eight_adapters_and_none_in_one_batch(step_tokens: int) -> None:
    asks = [
        Ask("the same prompt" + "!" * (number % 3), 10, adapter=name, seed=number)
        for number, name in enumerate(["", *NAMES])
    ]
    limits = Limits(max_sequences=9, step_tokens=step_tokens)
    answers = check_as_if_alone(SteppedCore(_runtime(), limits), asks, _ALONE)
    assert len({answer.tokens for answer in answers}) > 6


def test_equal_prompts_of_other_adapters_share_nothing() -> None:
    """The state of a prompt is what the adapter made of it."""
    prompt = "a prompt of more than two pages, so that its state would be worth sharing"
    asks = [Ask(prompt, 6, adapter=name, arrives=20 * turn) for turn, name in enumerate(["", *NAMES[:3]])]
    check_as_if_alone(SteppedCore(_runtime(), Limits()), asks, _ALONE)
