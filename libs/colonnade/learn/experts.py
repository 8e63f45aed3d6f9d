"""Experts divided over processes: a token goes to where its expert is, and the answer comes back.

The processes have rows of their own. Gradients of experts are sums over all rows as they are; what every
process has whole (router, attention) is summed over them as with any replicas.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import ProcessGroup


class AllToAll:
    """A ``models.layers.mixture.Exchange`` over a group; every process calls it alike."""

    def __init__(self, group: ProcessGroup | None = None) -> None:
        self._group = group

    def __call__(self, x_SD: Tensor, given: Tensor, taken: Tensor) -> Tensor:
        out: Tensor = _Exchanged.apply(x_SD, given.tolist(), taken.tolist(), self._group)  # type: ignore[no-untyped-call]
        return out

    def counts(self, loads_E: Tensor) -> Tensor:
        processes = dist.get_world_size(self._group)
        taken = torch.empty_like(loads_E)
        dist.all_to_all_single(taken, loads_E, group=self._group)
        return taken.view(processes, -1)


class _Exchanged(torch.autograd.Function):
    """Gradients go back the way that the streams came."""

    @staticmethod
    def forward(
        ctx: Any, x_SD: Tensor, given: list[int], taken: list[int], group: ProcessGroup | None
    ) -> Tensor:
        ctx.given, ctx.taken, ctx.group = given, taken, group
        return _exchanged(x_SD, given, taken, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = gradients
        return _exchanged(gradient, ctx.taken, ctx.given, ctx.group), None, None, None


def _exchanged(x_SD: Tensor, given: list[int], taken: list[int], group: ProcessGroup | None) -> Tensor:
    out = x_SD.new_empty((sum(taken), x_SD.shape[1]))
    dist.all_to_all_single(out, x_SD.contiguous(), taken, given, group=group)
    return out
