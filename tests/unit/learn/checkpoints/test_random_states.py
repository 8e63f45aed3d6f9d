import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.checkpoints import capture_random, restore_random


@pytest.fixture(autouse=True)
def _as_found() -> Iterator[None]:
    """Other tests must not notice these."""
    python, numpy, own = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(own)


def draws() -> list[Any]:
    return [
        *(random.gauss(0, 1) for _ in range(3)),
        random.getrandbits(77),
        *np.random.standard_normal(3).tolist(),
        *np.random.randint(0, 1000, 3).tolist(),
        *torch.randn(5).tolist(),
        *torch.randperm(9).tolist(),
    ]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(0, 1300))
def test_what_is_drawn_afterwards_is_the_same(seed: int, normal: int, uniform: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    for _ in range(normal):  # an odd number leaves the second of a pair waiting
        random.gauss(0, 1)
        np.random.standard_normal()
        torch.randn(1)
    for _ in range(uniform):
        random.random()
    np.random.bytes(uniform)
    states = json.loads(json.dumps(capture_random()))
    expected = draws()
    draws()
    restore_random(states)
    assert draws() == expected


def test_a_capture_changes_nothing() -> None:
    first = capture_random()
    assert capture_random() == first


@pytest.mark.parametrize("name", ["python", "numpy", "torch"])
@pytest.mark.parametrize("damage", [None, {}, "00", "zz", {"words": "00" * 8, "position": 1, "gauss": None}])
def test_a_damaged_state_is_refused_and_nothing_is_set(name: str, damage: Any) -> None:
    states = copy.deepcopy(capture_random())
    expected = draws()
    now = capture_random()
    with pytest.raises(InvalidArgument, match=f"random state of {name} is damaged"):
        restore_random(states | {name: damage})
    assert capture_random() == now
    with pytest.raises(InvalidArgument):
        restore_random({each: value for each, value in states.items() if each != name})
    assert capture_random() == now
    restore_random(states)
    assert draws() == expected


def test_a_position_beyond_the_state_is_refused() -> None:
    states = capture_random()
    with pytest.raises(InvalidArgument, match="python"):
        restore_random(states | {"python": states["python"] | {"position": 10_000}})


def test_another_global_generator_of_numpy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = np.random.RandomState(np.random.SFC64(1))
    monkeypatch.setattr(np.random, "get_state", other.get_state)
    with pytest.raises(Unsupported, match="Generator of your own"):
        capture_random()
