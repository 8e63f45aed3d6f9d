"""Gradient clipping, and the norms that it finds on the way.

``norm`` scales all gradients together to a global norm (Pascanu et al. 2013, arXiv:1211.5063); ``value``
bounds every entry; ``adaptive`` bounds each output unit's gradient by its weights' norm (Brock et al. 2021,
arXiv:2102.06171).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.utils import get_total_norm

from colonnade.learn.fields import SettingsModel, refusal
from colonnade.learn.mesh.norms import group_norms
from colonnade.learn.mesh.parts import local, settled

_LEAST_NORM = 1e-6
"""norm: what torch adds to a norm before it divides by it."""
LEAST_WEIGHT_NORM = 1e-3
"""adaptive: that of a unit whose weights are still (nearly) zero, as in the paper."""

Groups = Mapping[str, Sequence[Tensor]]
"""A model's parameters, by the block that they belong to."""


class ClippingSettings(SettingsModel):
    kind: Literal["none", "norm", "value", "adaptive"] = "norm"
    limit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The most: of the global norm (1.0 if not given), of an entry, or of a unit's gradient over its
    weights."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: object) -> object:
        if isinstance(data, Mapping) and data.get("kind", "norm") == "norm" and data.get("limit") is None:
            return {**data, "limit": 1.0}
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.limit is None) != (self.kind == "none"):
            why = "none takes no limit" if self.kind == "none" else f"{self.kind} needs one"
            raise refusal("ClippingSettings", "limit", self.limit, why)
        return self


@dataclass(frozen=True, slots=True)
class Norms:
    """Of gradients, before clipping. Neither is finite if an entry is not."""

    total: float
    groups: Mapping[str, float]


@torch.no_grad()
def clip(groups: Groups, settings: ClippingSettings) -> Norms:
    """Clips the gradients in place and returns the norms that they had: one wait for the device in all.
    Without a gradient a parameter counts nothing, and a group of such has no norm."""
    parameters = [p for group in groups.values() for p in group if p.grad is not None]
    if not parameters:
        return Norms(0.0, {})
    gradients = {name: [p.grad for p in group if p.grad is not None] for name, group in groups.items()}
    by_group = group_norms({name: found for name, found in gradients.items() if found})
    total = get_total_norm(by_group.values())
    parts, limit = [local(p.grad) for p in parameters if p.grad is not None], settings.limit or 0.0
    if settings.kind == "norm":
        torch._foreach_mul_(parts, (limit / (total + _LEAST_NORM)).clamp_(max=1.0))
    elif settings.kind == "value":
        torch._foreach_clamp_min_(parts, -limit)
        torch._foreach_clamp_max_(parts, limit)
    elif settings.kind == "adaptive":
        _clip_adaptively(parameters, limit)
    found = torch.stack([total, *by_group.values()]).tolist()
    return Norms(found[0], dict(zip(by_group, found[1:], strict=True)))


@torch.no_grad()
def _clip_adaptively(parameters: Sequence[Tensor], limit: float) -> None:
    for parameter in parameters:
        assert parameter.grad is not None
        most = _unit_norm(parameter).clamp_(min=LEAST_WEIGHT_NORM).mul_(limit)
        norm = _unit_norm(parameter.grad)
        parameter.grad.mul_((most / norm.clamp(min=_LEAST_NORM)).clamp_(max=1.0))


def _unit_norm(tensor: Tensor) -> Tensor:
    """Over everything that goes into one output unit; of a bias or a norm's gain over all of it."""
    dimensions = tuple(range(1, tensor.dim())) or None
    norm: Tensor = torch.linalg.vector_norm(tensor, dim=dimensions, keepdim=tensor.dim() > 1)
    return settled(norm)
