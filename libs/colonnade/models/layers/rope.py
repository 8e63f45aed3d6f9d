"""Rotary position embedding (Su et al. 2021, arXiv:2104.09864), half-split as in Llama checkpoints.

Feature i of a head turns together with feature i + d/2, by the angle position * theta^(-2i/d).
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from colonnade.models.layers.rope_scaling import Scaling


class Rotation(NamedTuple):
    """The cosines and sines that turn the heads at some positions; both (X, 1, d)."""

    cos_X1d: Tensor
    sin_X1d: Tensor

    def turn(self, x_XHd: Tensor) -> Tensor:
        first, second = x_XHd.chunk(2, dim=-1)
        return x_XHd * self.cos_X1d + torch.cat((-second, first), dim=-1) * self.sin_X1d


class RotaryEmbedding(nn.Module):
    frequencies: Tensor

    def __init__(self, head_width: int, theta: float, scaling: Scaling | None = None) -> None:
        super().__init__()
        # Always real, even while a model is laid out on the meta device: it is not in the checkpoint.
        exponents = torch.arange(0, head_width, 2, dtype=torch.float32, device="cpu") / head_width
        frequencies, self.factor = 1.0 / theta**exponents, 1.0
        if scaling is not None:
            with torch.device("cpu"):
                frequencies, self.factor = scaling.scale(frequencies, theta)
        self._exact = frequencies
        self.register_buffer("frequencies", frequencies.clone(), persistent=False)

    def forward(self, positions_X: Tensor, dtype: torch.dtype) -> Rotation:
        """The angles are taken in float32 and only the result is rounded to ``dtype``."""
        angles = positions_X[..., None].float() * self.frequencies
        angles = torch.cat((angles, angles), dim=-1)[..., None, :]
        return Rotation((angles.cos() * self.factor).to(dtype), (angles.sin() * self.factor).to(dtype))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moves with the model but never changes precision: ``model.bfloat16()`` must not round angles."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if not self.frequencies.is_meta:
            self.frequencies = self._exact.to(self.frequencies.device)
        return self
