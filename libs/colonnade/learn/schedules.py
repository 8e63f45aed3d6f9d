"""How the learning rate changes over a run: a pure function of the step, in closed form.

With N steps, W of warm-up (at least 1) and t = step + 1 updates counting the one at hand, the factor is t / W
up to t = W, and after it, with p = (t - W) / (N - W) from 0 to 1 and f the final share:

    constant              1
    linear                1 - (1 - f) p
    cosine                f + (1 - f) (1 + cos(pi p)) / 2       Loshchilov and Hutter 2017, arXiv:1608.03983
    inverse_square_root   max(f, sqrt(W / t))                   Vaswani et al. 2017, arXiv:1706.03762
    wsd                   1; in the last D steps f^q, 1 - (1 - f) q or 1 - (1 - f) sqrt(q), q from 0 to 1

WSD (warm-up, stable, decay) is Hu et al. 2024, arXiv:2404.06395, who decay exponentially; Hägele et al. 2024,
arXiv:2405.18392, found the square root better.
"""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from colonnade.errors import InvalidArgument
from colonnade.learn.fields import SettingsModel, refusal

Schedule = Callable[[int], float]
"""From a step, counted from 0, to the factor of the peak learning rate; after the last step it stays."""

Kind = Literal["constant", "linear", "cosine", "wsd", "inverse_square_root"]
Shape = Literal["linear", "exponential", "square_root"]


class ScheduleSettings(SettingsModel):
    kind: Kind = "cosine"
    warm_up: Annotated[int, Field(ge=0)] = 0
    """Steps, the first of which already moves the weights."""
    final_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The last step's share of the peak; constant stays at the peak."""
    decay: Annotated[int, Field(ge=1)] | None = None
    """wsd: the steps of the decay; None for a tenth of the run."""
    decay_shape: Shape = "square_root"
    """wsd only."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.decay is not None and self.kind != "wsd":
            why = f"only wsd has one, {self.kind} goes its own way to the end. Leave it out"
            raise refusal("ScheduleSettings", "decay", self.decay, why)
        if self.kind == "wsd" and self.decay_shape == "exponential" and self.final_share == 0:
            why = "an exponential decay never reaches 0. Set a share above it"
            raise refusal("ScheduleSettings", "final_share", self.final_share, why)
        return self


def make_schedule(settings: ScheduleSettings, steps: int) -> Schedule:
    """The schedule of a run of ``steps``; refuses a warm-up, or with it a decay, longer than the run."""
    if steps < 1:
        raise InvalidArgument(f"schedule: steps is {steps}; a run has at least 1", field="steps")
    if settings.warm_up > steps:
        raise InvalidArgument(
            f"schedule: warm_up is {settings.warm_up} steps, the run {steps}; make it at most that",
            field="warm_up",
            limit=steps,
        )
    warm_up = max(1, settings.warm_up)
    if settings.kind == "wsd":
        return _wsd(settings, warm_up, steps)
    falls = _FALLS[settings.kind]

    def factor(step: int) -> float:
        done = min(step + 1, steps)
        return done / warm_up if done <= warm_up else falls(done, warm_up, steps, settings.final_share)

    return factor


def _wsd(settings: ScheduleSettings, warm_up: int, steps: int) -> Schedule:
    decay = settings.decay or min(max(1, steps // 10), steps - warm_up)
    if warm_up + decay > steps:
        raise InvalidArgument(
            f"schedule: decay is {decay} steps after {settings.warm_up} of warm-up, the run has {steps}; "
            f"make it at most {steps - warm_up}",
            field="decay",
            limit=steps - warm_up,
        )
    shape, final = _SHAPES[settings.decay_shape], settings.final_share

    def factor(step: int) -> float:
        done = min(step + 1, steps)
        if done <= warm_up:
            return done / warm_up
        return shape(max(0.0, (done - (steps - decay)) / decay), final)

    return factor


def _share(done: int, warm_up: int, steps: int) -> float:
    return (done - warm_up) / (steps - warm_up)


_FALLS: Mapping[str, Callable[[int, int, int, float], float]] = {
    "constant": lambda done, warm_up, steps, final: 1.0,
    "linear": lambda done, warm_up, steps, final: 1 - (1 - final) * _share(done, warm_up, steps),
    "cosine": lambda done, warm_up, steps, final: (
        final + (1 - final) * (1 + math.cos(math.pi * _share(done, warm_up, steps))) / 2
    ),
    "inverse_square_root": lambda done, warm_up, steps, final: max(final, math.sqrt(warm_up / done)),
}

_SHAPES: Mapping[Shape, Callable[[float, float], float]] = {
    "linear": lambda share, final: 1 - (1 - final) * share,
    "exponential": lambda share, final: float(final**share),
    "square_root": lambda share, final: 1 - (1 - final) * math.sqrt(share),
}
