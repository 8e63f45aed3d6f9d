"""Layers one after another, each with attention of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from colonnade.models.layers.attention import Attend
from colonnade.models.layers.rope import Rotation


class Chain(nn.ModuleList):
    """x = layer(x) for all layers. One module, so that what serves a model can run all of them as one."""

    recompute = False
    """While training: keep only what goes into each layer, and compute the rest of it again on the way back
    (Chen et al. 2016, arXiv:1604.06174). A third more work, and activations of one layer instead of all."""

    def forward(self, x_XD: Tensor, rotation: Rotation, attends: Sequence[Attend]) -> Tensor:
        for layer, attend in zip(self, attends, strict=True):
            if self.recompute and torch.is_grad_enabled():
                x_XD = checkpoint(layer, x_XD, rotation, attend, use_reentrant=False)
            else:
                x_XD = layer(x_XD, rotation, attend)
        return x_XD
