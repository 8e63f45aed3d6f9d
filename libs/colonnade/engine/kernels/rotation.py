"""Rotations that are computed once for each position. Shape legend: X any leading axes, d head width."""

import torch
from torch import Tensor, nn

from colonnade.models.layers.rope import RotaryEmbedding, Rotation


class TabledRotation(RotaryEmbedding):
    """``RotaryEmbedding`` that looks up what it has computed before."""

    _STEP, _MOST = 1024, 1 << 14

    def __init__(self, rope: RotaryEmbedding) -> None:
        nn.Module.__init__(self)
        self.register_buffer("frequencies", rope.frequencies, persistent=False)
        self._exact, self.factor = rope._exact, rope.factor
        self._table: Rotation | None = None

    def forward(self, positions_X: Tensor, dtype: torch.dtype) -> Rotation:
        if positions_X.dim() != 1 or dtype != torch.float32 or not len(positions_X):
            return super().forward(positions_X, dtype)
        needed = int(positions_X.max()) + 1
        if needed > self._MOST:
            return super().forward(positions_X, dtype)
        if self._table is None or needed > len(self._table.cos_X1d):
            self._table = self._made(-(-needed // self._STEP) * self._STEP, positions_X.device)
        return Rotation(*(each.index_select(0, positions_X) for each in self._table))

    def _made(self, length: int, device: torch.device) -> Rotation:
        with torch.inference_mode(False):  # for all that come, whatever mode they are in
            return super().forward(torch.arange(length, device=device), torch.float32)
