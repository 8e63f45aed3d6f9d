"""A frozen linear layer over packed weights, beside which something learns (Dettmers et al. 2023, QLoRA,
arXiv:2305.14314, with the engine's own grid in the place of its NF4).

The matrix is unpacked for each product and dropped after it, and on the way back unpacked once more: what
stays in memory is the packed one.

Shapes: X any leading axes, K inputs, N outputs.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.models.quantised.layout import Packed, pack, pack_exact, unpack
from colonnade.models.quantised.quantize import Format


class FrozenLinear(nn.Module):
    """``nn.Linear`` whose weights are no parameter: they are neither trained nor kept in checkpoints."""

    blocks: Tensor

    def __init__(self, weight_NK: Tensor, form: Format = "int4", bias_N: Tensor | None = None) -> None:
        """Weights that lie on such a grid already are kept exactly, others are rounded to the nearest."""
        super().__init__()
        packed = pack_exact(weight_NK, form) or pack(weight_NK, form)
        self.form, self.out_features, self.in_features = packed.form, packed.rows, packed.columns
        self.register_buffer("blocks", packed.blocks, persistent=False)
        self.bias = None if bias_N is None else nn.Parameter(bias_N.detach(), requires_grad=False)

    @property
    def packed(self) -> Packed:
        return Packed(self.blocks, self.form, self.out_features, self.in_features)

    def forward(self, x_XK: Tensor) -> Tensor:
        """In the type of ``x_XK``, or in autocast's."""
        device = x_XK.device.type
        if torch.is_autocast_enabled(device):
            x_XK = x_XK.to(torch.get_autocast_dtype(device))
        with torch.autocast(device, enabled=False):
            return frozen_product(x_XK, self.packed, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.form}"


def frozen_product(x_XK: Tensor, packed: Packed, bias_N: Tensor | None = None) -> Tensor:
    """(..., N), differentiable in ``x_XK`` alone."""
    y_XN: Tensor = _FrozenProduct.apply(x_XK, packed)  # type: ignore[no-untyped-call]
    return y_XN if bias_N is None else y_XN + bias_N.to(y_XN.dtype)


class _FrozenProduct(torch.autograd.Function):
    """``F.linear`` would keep the unpacked matrix of every layer until the way back."""

    @staticmethod
    def forward(ctx: Any, x_XK: Tensor, packed: Packed) -> Tensor:
        ctx.packed = packed
        return F.linear(x_XK, unpack(packed).to(x_XK.dtype))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_XN: Tensor) -> tuple[Tensor, None]:
        return grad_XN @ unpack(ctx.packed).to(grad_XN.dtype), None
