"""Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245), with Qwen3's query and key norms if asked.

The layer projects, turns and mixes; how queries meet keys is given to it as a function. Serving passes
``Stored`` (committed state, ragged spans); training and tests pass ``CausalAttention`` or ``PaddedAttention``
over whole sequences. So both run the very same module and weights.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.models.layers.norm import RMSNorm
from colonnade.models.layers.rope import Rotation
from colonnade.models.protocol import State


class Attend(Protocol):
    """Mixes values by how queries match keys."""

    def __call__(self, q_XHd: Tensor, k_XKd: Tensor, v_XKd: Tensor, *, scale: float) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class AttentionShape:
    width: int
    heads: int
    kv_heads: int
    head_width: int
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm_epsilon: float | None = None
    """Epsilon of the norms on each head's queries and keys; None for no such norms."""


class Attention(nn.Module):
    def __init__(self, shape: AttentionShape) -> None:
        super().__init__()
        self.shape = shape
        query_width, kv_width = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
        self.query = nn.Linear(shape.width, query_width, bias=shape.qkv_bias)
        self.key = nn.Linear(shape.width, kv_width, bias=shape.qkv_bias)
        self.value = nn.Linear(shape.width, kv_width, bias=shape.qkv_bias)
        self.output = nn.Linear(query_width, shape.width, bias=shape.output_bias)
        epsilon = shape.qk_norm_epsilon
        self.query_norm = None if epsilon is None else RMSNorm(shape.head_width, epsilon)
        self.key_norm = None if epsilon is None else RMSNorm(shape.head_width, epsilon)

    def forward(self, x_XD: Tensor, rotation: Rotation | None, attend: Attend) -> Tensor:
        """``rotation`` None leaves queries and keys as they are, where positions are embedded otherwise."""
        q_XHd = self.query(x_XD).unflatten(-1, (self.shape.heads, self.shape.head_width))
        k_XKd = self.key(x_XD).unflatten(-1, (self.shape.kv_heads, self.shape.head_width))
        v_XKd = self.value(x_XD).unflatten(-1, (self.shape.kv_heads, self.shape.head_width))
        if self.query_norm is not None and self.key_norm is not None:
            q_XHd, k_XKd = self.query_norm(q_XHd), self.key_norm(k_XKd)
        if rotation is not None:
            q_XHd, k_XKd = rotation.turn(q_XHd), rotation.turn(k_XKd)
        mixed_XHd = attend(q_XHd, k_XKd, v_XKd, scale=self.shape.head_width**-0.5)
        out: Tensor = self.output(mixed_XHd.flatten(-2))
        return out


class Stored:
    """Attention over the state that is kept under one name, span by span."""

    def __init__(self, state: State, name: str) -> None:
        self.state, self.name = state, name

    def __call__(self, q_NHd: Tensor, k_NKd: Tensor, v_NKd: Tensor, *, scale: float) -> Tensor:
        return self.state.attend(self.name, q_NHd, k_NKd, v_NKd, scale=scale)


class CausalAttention:
    """Attention of whole sequences to themselves; position i sees i-window+1 .. i, or all of 0 .. i."""

    def __init__(self, tokens: int, window: int | None, device: torch.device) -> None:
        self._mask: Tensor | None = None
        if window is not None and window < tokens:
            distance = torch.arange(tokens, device=device)[:, None] - torch.arange(tokens, device=device)
            self._mask = (distance >= 0) & (distance < window)

    def __call__(self, q_BTHd: Tensor, k_BTKd: Tensor, v_BTKd: Tensor, *, scale: float) -> Tensor:
        q_BHTd, k_BKTd, v_BKTd = (x.transpose(1, 2) for x in (q_BTHd, k_BTKd, v_BTKd))
        out_BHTd = F.scaled_dot_product_attention(
            q_BHTd, k_BKTd, v_BKTd, self._mask, is_causal=self._mask is None, scale=scale, enable_gqa=True
        )
        return out_BHTd.transpose(1, 2)


class PaddedAttention:
    """Attention in both directions of whole sequences to themselves, but not to their padding."""

    def __init__(self, real_BT: Tensor) -> None:
        """``real_BT`` is False where a row is padded."""
        self._mask_B11T = real_BT.bool()[:, None, None, :]

    def __call__(self, q_BTHd: Tensor, k_BTKd: Tensor, v_BTKd: Tensor, *, scale: float) -> Tensor:
        q_BHTd, k_BKTd, v_BKTd = (x.transpose(1, 2) for x in (q_BTHd, k_BTKd, v_BTKd))
        out_BHTd = F.scaled_dot_product_attention(
            q_BHTd, k_BKTd, v_BKTd, self._mask_B11T, scale=scale, enable_gqa=True
        )
        return out_BHTd.transpose(1, 2)
