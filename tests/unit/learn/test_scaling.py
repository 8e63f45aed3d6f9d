"""The dynamic loss scale against DeepSpeed's documented rules, and against torch's where they coincide."""

import itertools
import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from colonnade.learn.scaling import LossScaler, ScalingSettings
from colonnade.learn.verdicts import Action

OK, OVER = False, True


def scaler(**fields: Any) -> LossScaler:
    return LossScaler(ScalingSettings.model_validate(fields))


def scales(scaler: LossScaler, overflows: list[bool]) -> list[float]:
    """The scale after each step."""
    found = []
    for overflowed in overflows:
        verdict = scaler.update(overflowed)
        assert verdict.action is (Action.SKIP if overflowed else Action.CONTINUE)
        found.append(scaler.scale)
    return found


def test_defaults_are_those_of_the_documented_configuration() -> None:
    defaults = ScalingSettings()
    assert LossScaler(defaults).scale == 65_536
    assert (defaults.loss_scale_window, defaults.hysteresis, defaults.min_loss_scale) == (1000, 2, 1.0)


@pytest.mark.parametrize(
    ("fields", "overflows", "expected"),
    [
        # The first overflow spends the hysteresis, every further one halves.
        ({"hysteresis": 2}, [OVER, OVER, OVER], [16, 8, 4]),
        ({"hysteresis": 1}, [OVER, OVER], [8, 4]),
        ({"hysteresis": 3}, [OVER, OVER, OVER, OVER], [16, 16, 8, 4]),
        # A good step alone does not restore the hysteresis ...
        ({"hysteresis": 2}, [OVER, OK, OVER, OK, OVER], [16, 16, 8, 8, 4]),
        # ... unless it is asked to.
        ({"hysteresis": 2, "consecutive_hysteresis": True}, [OVER, OK, OVER, OVER], [16, 16, 16, 8]),
        # After a window of good steps the next one doubles, and so does every further window.
        ({}, [OK, OK, OK, OK, OK, OK, OK], [16, 16, 16, 32, 32, 32, 64]),
        # An overflow begins the window again.
        ({"hysteresis": 1}, [OK, OK, OVER, OK, OK, OK, OK], [16, 16, 8, 8, 8, 8, 16]),
        # Doubling restores the hysteresis.
        ({"hysteresis": 2}, [OVER, OK, OK, OK, OK, OVER, OVER], [16, 16, 16, 16, 32, 32, 16]),
        # Never below the minimum.
        ({"hysteresis": 1, "min_loss_scale": 6.0}, [OVER, OVER], [8, 6]),
    ],
)
def test_the_scale_follows_the_documented_rules(
    fields: dict[str, Any], overflows: list[bool], expected: list[float]
) -> None:
    begun = scaler(initial_scale_power=4, loss_scale_window=3, **fields)
    assert scales(begun, overflows) == expected


def test_an_overflow_at_the_minimum_stops_the_run() -> None:
    begun = scaler(initial_scale_power=1, hysteresis=1)
    assert begun.update(True).action is Action.SKIP
    verdict = begun.update(True)
    assert (verdict.action, verdict.cause, begun.scale) == (Action.STOP, "overflow", 1.0)
    assert "least loss scale, 1; train in bf16" in verdict.sentence


@settings(max_examples=15)
@given(st.lists(st.integers(0, 14).filter(lambda n: n == 0 or n % 4), max_size=12))
def test_torch_agrees_between_runs_that_are_no_whole_windows(runs: list[int]) -> None:
    """Hysteresis 1, no minimum to speak of. torch doubles on the last step of a window, DeepSpeed on the one
    after; where an overflow does not fall between the two, both have the same scale before and after it."""
    mine = scaler(initial_scale_power=20, loss_scale_window=4, hysteresis=1, min_loss_scale=1e-30)
    torchs = torch.amp.GradScaler("cpu", init_scale=2.0**20, growth_interval=4)
    weight = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=0.0)
    steps = itertools.chain.from_iterable([OK] * run + [OVER] for run in runs)
    good = 0
    for overflowed in steps:
        torchs.scale(torch.zeros(1))
        weight.grad = torch.full((1,), torch.inf if overflowed else 1.0)
        torchs.step(optimiser)
        torchs.update()
        mine.update(overflowed)
        good = 0 if overflowed else good + 1
        if overflowed or good % 4:
            assert mine.scale == torchs.get_scale()


@given(st.lists(st.booleans(), max_size=30), st.lists(st.booleans(), max_size=30))
def test_restored_it_goes_on_the_same(before: list[bool], after: list[bool]) -> None:
    begun = scaler(initial_scale_power=30, loss_scale_window=3, min_loss_scale=1e-30)
    for overflowed in before:
        begun.update(overflowed)
    again = LossScaler(begun.settings)
    again.restore(json.loads(json.dumps(begun.facts())))
    assert scales(again, after) == scales(begun, after)


def test_gradients_are_unscaled_exactly_and_overflow_is_seen() -> None:
    begun = scaler(initial_scale_power=10)
    weight = nn.Parameter(torch.tensor([3.0, 5.0]))
    torch.autograd.backward(begun.scaled((weight**2).sum()))
    assert weight.grad is not None
    assert not begun.unscale([weight.grad])
    assert weight.grad.tolist() == [6.0, 10.0]
    for wrong in (torch.inf, -torch.inf, torch.nan):
        assert begun.unscale([torch.ones(3), torch.tensor([0.0, wrong])])
    assert not begun.unscale([])
