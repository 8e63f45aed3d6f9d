"""Layers one after another, each with attention of its own."""

from collections.abc import Sequence

from torch import Tensor, nn

from colonnade.models.layers.attention import Attend
from colonnade.models.layers.rope import Rotation


class Chain(nn.ModuleList):
    """x = layer(x) for all layers. One module, so that what serves a model can run all of them as one."""

    def forward(self, x_XD: Tensor, rotation: Rotation, attends: Sequence[Attend]) -> Tensor:
        for layer, attend in zip(self, attends, strict=True):
            x_XD = layer(x_XD, rotation, attend)
        return x_XD
