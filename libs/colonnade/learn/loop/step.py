"""One change of the weights: forward and backward over a step's batches, then the optimiser."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from colonnade.learn.clipping import ClippingSettings, Norms, clip
from colonnade.learn.data.batches import Batch
from colonnade.learn.gradients import Movement, by_block, watched
from colonnade.learn.loop.learner import Learner
from colonnade.learn.loop.objectives import Objective
from colonnade.learn.loop.precision import Precision
from colonnade.learn.mesh.parts import local
from colonnade.learn.optimisers.make import set_learning_rate
from colonnade.learn.schedules import Schedule
from colonnade.learn.verdicts import Action, Verdict
from colonnade.models.training import Loss

B = TypeVar("B", bound=Batch)
Before = Callable[[int, B], None]
"""Is called before a step with its first batch."""


@dataclass(frozen=True, slots=True)
class Stepped:
    loss: float
    """Mean over the targets (next tokens: negative log-likelihood in nats), and what the family adds."""
    targets: int
    places: int
    """How many tokens went through the model, padding among them."""
    measures: Mapping[str, float]
    """Means over the targets of what the objective tells besides."""
    norms: Norms
    verdict: Verdict
    moved: Mapping[str, Movement]
    """How far each block's weights went, where that was asked for and they did."""


class Stepper(Generic[B]):
    def __init__(
        self,
        learner: Learner,
        objective: Objective[B],
        before: Before[B],
        schedule: Schedule,
        precision: Precision,
        clipping: ClippingSettings,
    ) -> None:
        self._learner, self._objective, self._schedule = learner, objective, schedule
        self._before = before
        self._precision, self._clipping = precision, clipping
        self._blocks = by_block(learner.model)
        self._mesh = learner.mesh
        self._device = next(learner.model.parameters()).device

    def __call__(self, step: int, batches: Sequence[B], *, watch: bool = False) -> Stepped:
        """The step is left out where its loss or gradients are not sound: see the verdict. ``watch``: what
        moves is measured."""
        learner = self._learner
        set_learning_rate(learner.optimiser, self._schedule(step))
        self._before(step, batches[0])
        counts = [sum(batch.learnt for batch in batches), sum(batch.places for batch in batches)]
        targets, places = (int(count) for count in self._mesh.sum(counts))
        loss, measures = self._gradients(batches, max(1, targets))
        overflowed = learner.scaler is not None and self._mesh.any(learner.scaler.unscale(self._found()))
        norms = clip(self._blocks, self._clipping)
        verdict = self._judged(step, loss, norms, overflowed)
        moved: Mapping[str, Movement] = {}
        if verdict.action is Action.CONTINUE:
            with watched(self._blocks if watch else {}) as moved:
                learner.optimiser.step()
            if learner.average:
                learner.average.update()
        learner.optimiser.zero_grad(set_to_none=True)
        return Stepped(loss, targets, places, measures, norms, verdict, moved)

    def _gradients(self, batches: Sequence[B], targets: int) -> tuple[float, dict[str, float]]:
        """Adds up the gradients of the mean over all targets of the step, however they are spread over its
        batches and over processes; that mean, and those of what is measured."""
        total = torch.zeros((), device=self._device)
        sums: dict[str, Tensor] = {}
        for batch in batches:
            with self._precision.computing(self._device):
                found = self._objective(self._learner.model, batch.to(self._device))
            loss = _mean(found, targets)
            torch.autograd.backward(self._scaled(loss))
            total += loss.detach()
            sums = {name: sums.get(name, 0) + value for name, value in found.measures.items()}
        self._mesh.sum_gradients(self._learner.model)
        mean, *others = self._mesh.sum([float(total), *map(float, sums.values())])
        return mean, {name: value / targets for name, value in zip(sums, others, strict=True)}

    def _scaled(self, loss: Tensor) -> Tensor:
        return self._learner.scaler.scaled(loss) if self._learner.scaler else loss

    def _found(self) -> list[Tensor]:
        """This process's parts of the gradients."""
        return [local(each.grad) for each in self._learner.model.parameters() if each.grad is not None]

    def _judged(self, step: int, loss: float, norms: Norms, overflowed: bool) -> Verdict:
        """An overflow of float16 under a scale is nothing unhealthy, as long as the loss itself is sound."""
        if self._learner.scaler is not None:
            scaled = self._learner.scaler.update(overflowed)
            if overflowed and math.isfinite(loss):
                return scaled
        return self._learner.health.judge(step, loss, norms)


def _mean(found: Loss, targets: int) -> Tensor:
    """What a part of a step has in the mean over all its ``targets``."""
    loss = found.nll / targets
    return loss if found.extra is None else loss + found.extra * (found.targets / targets)
