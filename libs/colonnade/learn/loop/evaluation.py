"""What a model makes of text that it does not learn from.

Perplexity is e to the mean negative log-likelihood of a target, in nats; ``top1`` and ``top5`` are the shares
of targets that were the most likely token, or among the five most likely.
"""

import math
from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from colonnade.learn.data.batches import Batch
from colonnade.learn.loop.objectives import Objective
from colonnade.learn.loop.precision import Precision
from colonnade.learn.mesh.scalable_mesh import ScalableMesh

_LARGEST_LOSS = 80.0
"""Nats beyond which a perplexity says nothing more; e to the 80 is still a number that JSON can write."""

B = TypeVar("B", bound=Batch)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    objective: Objective[B],
    batches: Iterable[B],
    precision: Precision,
    mesh: ScalableMesh | None = None,
) -> Mapping[str, float]:
    """``loss`` and what else the objective measures, a target, over all targets of the batches, which are
    this process's of ``mesh``; where the loss is a likelihood's, ``perplexity`` too."""
    device = next(model.parameters()).device
    sums: dict[str, Tensor] = {}
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            with precision.computing(device):
                loss = objective(model, batch.to(device), measure=True)
            found = {"nll": loss.nll, "targets": loss.targets, **loss.measures}
            sums = {name: sums.get(name, 0) + value.double() for name, value in found.items()}
    finally:
        model.train(was_training)
    counted = [float(value) for value in sums.values()]
    totals = dict(zip(sums, mesh.sum(counted) if mesh else counted, strict=True))
    targets = max(1.0, totals.pop("targets"))
    mean = totals.pop("nll") / targets
    shares = {name: total / targets for name, total in totals.items()}
    spread = {"perplexity": math.exp(min(mean, _LARGEST_LOSS))} if objective.likelihood else {}
    return {"loss": mean, **spread, **shares}
