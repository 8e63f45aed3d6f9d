"""Whether a run is well: what a step's loss and gradient norms say.

A step that is not finite, or far above what the last steps had, is left out; several in a row stop the run.
Gradients that vanish in a block, step after step, stop it too. A loss that no longer falls is told, and
stops it only if asked. Medians of the accepted steps are the measure: a few wild ones do not move them.
"""

import math
from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Annotated, Any

from pydantic import Field

from colonnade.learn.clipping import Norms
from colonnade.learn.fields import SettingsModel
from colonnade.learn.verdicts import CONTINUE, Action, Verdict

Count = Annotated[int, Field(ge=1)]

REMEDIES: Mapping[str, str] = {
    "nan": "look at the batch, lower the learning rate, or train in bf16 or fp32",
    "infinite": "lower the learning rate, train in bf16 or fp32, or look for a division by zero in the loss",
    "explosion": "lower the learning rate, lengthen the warm-up, or clip the gradients to a lower norm",
    "vanishing": "look for a part that is cut off, enlarge the first weights, or train in bf16 or fp32",
    "stalled": "change the learning rate, look at the data, or end the run here",
}


class HealthSettings(SettingsModel):
    window: Count = 100
    """Accepted steps that medians are taken over."""
    grace: Count = 20
    """Accepted steps before anything is compared with a median."""
    gradient_factor: Annotated[float, Field(gt=1)] = 10.0
    """A gradient norm above this many medians is an explosion."""
    loss_factor: Annotated[float, Field(gt=1)] = 3.0
    """So is a loss above this many medians, medians within 1 of zero counting as 1."""
    most_skips: Annotated[int, Field(ge=0)] = 5
    """Steps in a row that may be left out; the next one stops the run."""
    vanishing_share: Annotated[float, Field(ge=0, lt=1)] = 1e-6
    """A block's gradient norm of at most this share of the largest block's has vanished."""
    vanishing_steps: Count = 100
    """Steps in a row after which that stops the run; an adapter that begins at zero may take a few."""
    stalled_steps: Count = 2000
    """Steps without a median of the loss below all before it."""
    stop_when_stalled: bool = False


class Health:
    """The state of health of one run; every accepted or skipped step is to be judged once, in order."""

    def __init__(self, settings: HealthSettings) -> None:
        self.settings = settings
        self._losses: deque[float] = deque(maxlen=settings.window)
        self._norms: deque[float] = deque(maxlen=settings.window)
        self._skips = 0
        self._vanished: dict[str, int] = {}
        self._best = math.inf
        self._since_best = 0

    def judge(self, step: int, loss: float, norms: Norms) -> Verdict:
        """Before the optimiser's step. ``norms`` are those before clipping, by block."""
        if found := self._not_finite(loss, norms) or self._explosion(loss, norms):
            return self._left_out(step, *found)
        self._skips = 0
        self._losses.append(loss)
        self._norms.append(norms.total)
        return self._vanishing(step, norms) or self._stalled(step) or CONTINUE

    def _not_finite(self, loss: float, norms: Norms) -> tuple[str, str] | None:
        named = {"the loss": loss}
        named |= {f"the gradient of {block}": norm for block, norm in norms.groups.items()}
        named |= {"the gradient": norms.total}
        for cause, holds in (("nan", math.isnan), ("infinite", math.isinf)):
            if wrong := [what for what, value in named.items() if holds(value)]:
                others = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
                return cause, f"{wrong[0]} is {'NaN' if cause == 'nan' else 'infinite'}{others}"
        return None

    def _explosion(self, loss: float, norms: Norms) -> tuple[str, str] | None:
        if len(self._losses) < min(self.settings.grace, self.settings.window):
            return None
        usual = median(self._norms)
        if norms.total > self.settings.gradient_factor * usual > 0:
            block = max(norms.groups, key=lambda name: norms.groups[name], default="the model")
            what = f"the gradient norm is {norms.total:.4g} where {usual:.4g} is usual, most of it in {block}"
            return "explosion", what
        usual = median(self._losses)
        if loss - usual > (self.settings.loss_factor - 1) * max(abs(usual), 1.0):
            return "explosion", f"the loss is {loss:.4g} where {usual:.4g} is usual"
        return None

    def _left_out(self, step: int, cause: str, what: str) -> Verdict:
        self._skips += 1
        if self._skips > self.settings.most_skips:
            what = (
                f"{what}, after {self._skips - 1} steps in a row that were left out"
                if self._skips > 1
                else what
            )
            return _verdict(Action.STOP, step, cause, what)
        return _verdict(Action.SKIP, step, cause, f"{what}; the step is left out")

    def _vanishing(self, step: int, norms: Norms) -> Verdict | None:
        least = self.settings.vanishing_share * max(norms.groups.values(), default=0.0)
        gone = [block for block, norm in norms.groups.items() if norm <= least]
        self._vanished = {block: self._vanished.get(block, 0) + 1 for block in gone}
        for block, steps in self._vanished.items():
            if steps >= self.settings.vanishing_steps:
                what = f"the gradient of {block} has vanished ({norms.groups[block]:.3g}) for {steps} steps"
                return _verdict(Action.STOP, step, "vanishing", what)
        return None

    def _stalled(self, step: int) -> Verdict | None:
        if (now := median(self._losses)) < self._best:
            self._best, self._since_best = now, 0
            return None
        self._since_best += 1
        if self._since_best % self.settings.stalled_steps:
            return None
        what = f"the loss has not fallen below {self._best:.4g} for {self._since_best} steps"
        action = Action.STOP if self.settings.stop_when_stalled else Action.CONTINUE
        return _verdict(action, step, "stalled", what)

    def facts(self) -> dict[str, Any]:
        """Everything that the next verdict depends on, as JSON."""
        return {
            "losses": list(self._losses),
            "norms": list(self._norms),
            "skips": self._skips,
            "vanished": self._vanished,
            "best": None if self._best == math.inf else self._best,
            "since_best": self._since_best,
        }

    def restore(self, facts: Mapping[str, Any]) -> None:
        self._losses = deque(facts["losses"], maxlen=self.settings.window)
        self._norms = deque(facts["norms"], maxlen=self.settings.window)
        self._skips, self._since_best = int(facts["skips"]), int(facts["since_best"])
        self._vanished = dict(facts["vanished"])
        self._best = math.inf if facts["best"] is None else float(facts["best"])


def _verdict(action: Action, step: int, cause: str, what: str) -> Verdict:
    stops = ", so the run stops" if action is Action.STOP else ""
    return Verdict(action, cause, f"step {step}: {what}{stops}. Try this: {REMEDIES[cause]}.")
