"""Dynamic loss scaling for float16, as DeepSpeed documents its own (``fp16`` in its configuration).

Small gradients vanish in float16, so the loss is multiplied by a scale before the backward pass and the
gradients are divided by it after (Micikevicius et al. 2018, arXiv:1710.03740). The scale begins at
2^initial_scale_power. A step whose gradients overflow is skipped, and spends one of ``hysteresis``; when
one alone is left, every overflow halves the scale instead, down to ``min_loss_scale``. After
``loss_scale_window`` steps without an overflow the next such step doubles it and restores the hysteresis;
so does every further window. An overflow at the minimum ends the run. torch's ``GradScaler`` is the same
with a hysteresis of 1, no minimum, and doubling one step earlier.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from colonnade.learn.fields import SettingsModel
from colonnade.learn.verdicts import CONTINUE, Action, Verdict

FACTOR = 2.0


class ScalingSettings(SettingsModel):
    """DeepSpeed's names and defaults."""

    initial_scale_power: Annotated[int, Field(ge=0, le=32)] = 16
    loss_scale_window: Annotated[int, Field(ge=1)] = 1000
    hysteresis: Annotated[int, Field(ge=1)] = 2
    consecutive_hysteresis: bool = False
    """Restore the hysteresis at every step without an overflow, not only when the scale rises."""
    min_loss_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class LossScaler:
    """A scale that follows what gradients bear.

    A step is: ``scaled(loss).backward()``; ``overflowed = scaler.unscale(gradients)``; clip and step the
    optimiser unless it overflowed; ``verdict = scaler.update(overflowed)``.
    """

    def __init__(self, settings: ScalingSettings) -> None:
        self.settings = settings
        self.scale = FACTOR**settings.initial_scale_power
        self._hysteresis = settings.hysteresis
        self._good = 0

    def scaled(self, loss: Tensor) -> Tensor:
        return loss * self.scale

    def unscale(self, gradients: Iterable[Tensor]) -> bool:
        """Divides the gradients by the scale, in place. True if any of them is not finite."""
        gradients = list(gradients)
        for gradient in gradients:
            gradient.mul_(1.0 / self.scale)
        return bool(gradients) and not bool(torch.nn.utils.get_total_norm(gradients, torch.inf).isfinite())

    def update(self, overflowed: bool) -> Verdict:
        """To be told of every step. Skip if it overflowed; stop if it did at the least scale."""
        return self._lower() if overflowed else self._raise()

    def _lower(self) -> Verdict:
        self._good = 0
        before, least = self.scale, self.settings.min_loss_scale
        if self._hysteresis > 1:
            self._hysteresis -= 1
        elif before <= least:
            return Verdict(
                Action.STOP,
                "overflow",
                f"gradients overflow float16 at the least loss scale, {least:g}; train in bf16, lower the "
                "learning rate, or lower min_loss_scale",
            )
        else:
            self.scale = max(before / FACTOR, least)
        what = f"gradients overflowed float16 at loss scale {before:g}; the step is left out"
        return Verdict(Action.SKIP, "overflow", f"{what} and the scale is now {self.scale:g}")

    def _raise(self) -> Verdict:
        if self.settings.consecutive_hysteresis:
            self._hysteresis = self.settings.hysteresis
        if self._good and self._good % self.settings.loss_scale_window == 0:
            self._hysteresis = self.settings.hysteresis
            self.scale *= FACTOR
        self._good += 1
        return CONTINUE

    def facts(self) -> dict[str, Any]:
        """Everything that the next step depends on, as JSON."""
        return {"scale": self.scale, "hysteresis": self._hysteresis, "good_steps": self._good}

    def restore(self, facts: Mapping[str, Any]) -> None:
        self.scale = float(facts["scale"])
        self._hysteresis, self._good = int(facts["hysteresis"]), int(facts["good_steps"])
