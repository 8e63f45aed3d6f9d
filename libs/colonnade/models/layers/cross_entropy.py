"""The last linear layer and its cross-entropy as one, a few rows at a time.

The logits of a long batch are larger than everything else in a small model: 4,096 positions of a vocabulary
of 49,152 are 800 MB, and their gradient as much again. Here each chunk's logits are made, used for the loss
and for both gradients, and dropped (as in Wijmans et al. 2024, arXiv:2411.09009, with plain matrix products).

Shapes: N positions, D width, V vocabulary, C positions of a chunk.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CHUNK_BYTES = 32 << 20
"""Of one chunk's logits in float32."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Sums over the positions whose target is not ignored."""

    nll: Tensor
    targets: Tensor
    top1: Tensor
    top5: Tensor


def linear_cross_entropy(
    x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, *, ignore: int = -100, measure: bool = False
) -> Scored:
    """``nll`` in nats, float32, differentiable once in ``x_ND`` and ``weight_VD``, by one backward pass.
    ``top1`` and ``top5`` count how often the target was the most likely, or among the five most likely; 0
    unless ``measure``."""
    kept_N, device = targets_N != ignore, x_ND.device.type
    if torch.is_autocast_enabled(device):
        x_ND = x_ND.to(torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False):
        nll, top1, top5 = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
            x_ND[kept_N], weight_VD, targets_N[kept_N], measure
        )
    return Scored(nll, kept_N.sum(), top1, top5)


class _LinearCrossEntropy(torch.autograd.Function):
    """Both gradients are made on the way forward, where the logits are at hand; backward only scales them."""

    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, measure: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        learns_x, learns_weight = ctx.needs_input_grad[:2]
        cast_VD = weight_VD.to(x_ND.dtype)
        grad_x_ND = torch.empty_like(x_ND) if learns_x else None
        grad_VD = torch.zeros_like(weight_VD) if learns_weight else None
        nll, top1, top5 = (x_ND.new_zeros((), dtype=torch.float32) for _ in range(3))
        rows = max(1, CHUNK_BYTES // (4 * len(weight_VD)))
        for start in range(0, len(x_ND), rows):
            x_CD, targets_C1 = x_ND[start : start + rows], targets_N[start : start + rows, None]
            likely_CV = torch.log_softmax(x_CD @ cast_VD.T, 1, dtype=torch.float32)
            at_target_C1 = likely_CV.gather(1, targets_C1)
            if measure:
                above_C = (likely_CV > at_target_C1).sum(1)
                top1 += (above_C < 1).sum()
                top5 += (above_C < 5).sum()
            nll -= at_target_C1.sum()
            if not (learns_x or learns_weight):
                continue
            error_CV = likely_CV.exp_()
            error_CV.scatter_add_(1, targets_C1, error_CV.new_full((1, 1), -1.0).expand_as(targets_C1))
            error_CV = error_CV.to(x_ND.dtype)
            if grad_x_ND is not None:
                torch.mm(error_CV, cast_VD, out=grad_x_ND[start : start + rows])
            if grad_VD is not None:
                _add_product(grad_VD, error_CV, x_CD)
        ctx.gradients = grad_x_ND, grad_VD
        ctx.mark_non_differentiable(top1, top5)
        return nll, top1, top5

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor, _top1: Tensor, _top5: Tensor) -> tuple[Tensor | None, ...]:
        """In place: at that moment there is more in memory than at any other."""
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            raise RuntimeError("linear_cross_entropy: backward was called before; compute the loss again")
        return (
            *(None if each is None else each.mul_(grad.to(each.dtype)) for each in gradients),
            None,
            None,
        )


def _add_product(sum_VD: Tensor, error_CV: Tensor, x_CD: Tensor) -> None:
    """In one pass over the sum where nothing has to be rounded on the way."""
    if sum_VD.dtype == x_CD.dtype:
        sum_VD.addmm_(error_CV.T, x_CD)
    else:
        sum_VD += (error_CV.T @ x_CD).to(sum_VD.dtype)
