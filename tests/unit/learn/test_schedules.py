"""Schedules: closed forms, bounds, ends, and no jumps."""

import math
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from colonnade.errors import InvalidArgument
from colonnade.learn.schedules import Kind, Schedule, ScheduleSettings, Shape, make_schedule


@st.composite
def schedules(draw: st.DrawFn) -> tuple[ScheduleSettings, int]:
    kind: Kind = draw(st.sampled_from(get_args(Kind)))
    steps = draw(st.integers(1, 400))
    warm_up = draw(st.integers(0, steps))
    room = steps - max(1, warm_up)
    decay = draw(st.integers(1, room) | st.none()) if kind == "wsd" and room else None
    shape: Shape = draw(st.sampled_from(get_args(Shape)))
    final = draw(st.floats(0.001, 1) | st.just(1.0))
    if not (kind == "wsd" and shape == "exponential"):
        final = draw(st.just(0.0) | st.just(final))
    return (
        ScheduleSettings(kind=kind, warm_up=warm_up, final_share=final, decay=decay, decay_shape=shape),
        steps,
    )


@given(schedules())
def test_bounds_ends_and_order(drawn: tuple[ScheduleSettings, int]) -> None:
    said, steps = drawn
    schedule = make_schedule(said, steps)
    factors = [schedule(step) for step in range(steps)]
    warm_up = max(1, said.warm_up)
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[:warm_up] == [(step + 1) / warm_up for step in range(warm_up)]
    falling = factors[warm_up - 1 :]
    assert all(a >= b - 1e-12 for a, b in pairwise(falling))
    if said.kind in ("linear", "cosine", "wsd") and steps > warm_up:
        assert factors[-1] == pytest.approx(said.final_share)
    assert min(falling) >= said.final_share - 1e-12
    assert schedule(steps) == schedule(10 * steps) == factors[-1]


@given(schedules())
def test_no_jumps(drawn: tuple[ScheduleSettings, int]) -> None:
    """From one step to the next a factor moves by at most its steepest slope."""
    said, steps = drawn
    schedule = make_schedule(said, steps)
    warm_up = max(1, said.warm_up)
    room = max(1, steps - warm_up)
    decay = said.decay or max(1, min(max(1, steps // 10), room))
    steepest = {
        "constant": 0.0,
        "linear": 1 / room,
        "cosine": math.pi / 2 / room,
        "inverse_square_root": 1 / (2 * warm_up),
        "wsd": {
            "linear": 1 / decay,
            "exponential": -math.log(said.final_share or 1) / decay,
            "square_root": math.sqrt(1 / decay),
        }[said.decay_shape],
    }[said.kind]
    most = max(steepest, 1 / warm_up if said.warm_up > 1 else 0.0) + 1e-9
    assert all(abs(schedule(step + 1) - schedule(step)) <= most for step in range(steps + 3))


def made(steps: int, **fields: Any) -> Schedule:
    return make_schedule(ScheduleSettings.model_validate(fields), steps)


@pytest.mark.parametrize(
    ("fields", "step", "factor"),
    [
        ({"kind": "constant", "warm_up": 4}, 0, 0.25),
        ({"kind": "constant", "warm_up": 4}, 99, 1.0),
        ({"kind": "linear", "final_share": 0.2, "warm_up": 20}, 59, 0.6),
        ({"kind": "cosine", "final_share": 0.2, "warm_up": 20}, 59, 0.6),
        ({"kind": "cosine", "final_share": 0.0, "warm_up": 20}, 39, (1 + math.cos(math.pi / 4)) / 2),
        ({"kind": "inverse_square_root", "final_share": 0.0, "warm_up": 16}, 63, 0.5),
        ({"kind": "inverse_square_root", "final_share": 0.7, "warm_up": 16}, 63, 0.7),
        ({"kind": "wsd", "final_share": 0.0, "warm_up": 10, "decay": 40}, 59, 1.0),
        ({"kind": "wsd", "final_share": 0.0, "decay": 40, "decay_shape": "linear"}, 79, 0.5),
        ({"kind": "wsd", "final_share": 0.04, "decay": 40, "decay_shape": "exponential"}, 79, 0.2),
        ({"kind": "wsd", "final_share": 0.0, "decay": 40, "decay_shape": "square_root"}, 69, 0.5),
        ({"kind": "wsd", "final_share": 0.5}, 89, 1.0),
        ({"kind": "wsd", "final_share": 0.5}, 99, 0.5),
    ],
)
def test_known_points_of_a_run_of_a_hundred_steps(fields: dict[str, Any], step: int, factor: float) -> None:
    assert made(100, **fields)(step) == pytest.approx(factor)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_warm_up_longer_than_the_run_is_refused(kind: str) -> None:
    made(10, kind=kind, warm_up=10)
    with pytest.raises(InvalidArgument, match="warm_up is 11 steps, the run 10; make it at most that"):
        made(10, kind=kind, warm_up=11)


def test_warm_up_and_decay_must_both_fit() -> None:
    made(10, kind="wsd", warm_up=4, decay=6)
    with pytest.raises(InvalidArgument, match="decay is 7 steps after 4 of warm-up, the run has 10"):
        made(10, kind="wsd", warm_up=4, decay=7)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "cosine", "decay": 5}, "decay"),
        ({"kind": "wsd", "decay_shape": "exponential", "final_share": 0.0}, "final_share"),
        ({"final_share": 1.5}, "final_share"),
        ({"warm_up": -1}, "warm_up"),
        ({"kind": "cosinus"}, "kind"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ScheduleSettings.model_validate(fields)
    assert refused.value.errors()[0]["loc"] == (field,)
