"""What the log says of each block of a model: norms of weights, and how far a step moves them.

An update of about a thousandth of the weights' norm is usual; far more of it points at too high a learning
rate, far less at a block that does not learn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from colonnade.learn.clipping import Groups
from colonnade.learn.mesh.norms import group_norms


def by_block(model: nn.Module) -> dict[str, list[Tensor]]:
    """The trainable parameters of each repeated block (``blocks.3``), and of what stands beside them
    (``embedding``, ``norm``, ``head``), in the model's order."""
    groups: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(block_of(name), []).append(parameter)
    return groups


def block_of(name: str) -> str:
    """``blocks.3.attention.query.weight`` is of ``blocks.3``, ``norm.weight`` of ``norm``."""
    parts = name.split(".")
    number = next((i for i, part in enumerate(parts) if part.isdigit()), None)
    return ".".join(parts[: number + 1]) if number is not None else parts[0]


@dataclass(frozen=True, slots=True)
class Movement:
    weight_norm: float
    update_ratio: float
    """Norm of the step over the norm of the weights before it; 0 where both are 0, infinite where only the
    latter is."""


@contextmanager
def watched(groups: Groups) -> Iterator[dict[str, Movement]]:
    """Around an optimiser's step: what is yielded is filled when the block ends. Copies the weights
    meanwhile, so it is for the steps that are logged, once nothing of their passes is in memory."""
    before = {name: [p.detach().clone() for p in group] for name, group in groups.items()}
    found: dict[str, Movement] = {}
    yield found
    with torch.no_grad():
        weights = group_norms(before)
        for name, old in before.items():
            for was, now in zip(old, groups[name], strict=True):
                was.sub_(now)
        steps = group_norms(before)
    for name, weight in weights.items():
        found[name] = Movement(float(weight), _ratio(float(steps[name]), float(weight)))


def _ratio(moved: float, weight: float) -> float:
    if weight == 0:
        return 0.0 if moved == 0 else float("inf")
    return moved / weight
