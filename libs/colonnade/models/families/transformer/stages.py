"""A transformer cut into stages, each with some of the layers, for as many processes.

The first stage has the embedding, the last one the norm and the output layer. Where these two share a matrix
both have it, and its gradient is the sum of theirs. Parameters are called as in the whole model, so that the
stages' states together are the model's.

Shapes: B batch, T tokens, D width, V vocabulary.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from colonnade.errors import InvalidArgument
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.layers.attention import CausalAttention
from colonnade.models.layers.cross_entropy import linear_cross_entropy
from colonnade.models.layers.tied import TiedLinear
from colonnade.models.training import IGNORE


def cut(layers: int, stages: int) -> list[range]:
    """Which layers each stage has: alike, the last ones fewer, for the output layer is theirs too."""
    if not 1 <= stages <= layers:
        raise InvalidArgument(
            f"stages: {stages} do not each get one of {layers} layers; make it at most that",
            field="stages",
            limit=layers,
        )
    share, more = divmod(layers, stages)
    starts = [share * stage + min(stage, more) for stage in range(stages + 1)]
    return [range(start, end) for start, end in pairwise(starts)]


class Stage(nn.Module):
    """Of ``model``, whose modules it takes over."""

    def __init__(self, model: Transformer, index: int, stages: int) -> None:
        super().__init__()
        self.index, self.stages, self.tied = index, stages, model.config.tied
        self._layers = cut(model.config.layers, stages)[index]
        self._windows: Sequence[int | None] = [model.config.window(layer) for layer in self._layers]
        self.rope = model.rope
        self.blocks = nn.ModuleDict({str(layer): model.blocks[layer] for layer in self._layers})
        if self.first or (self.last and self.tied):
            self.embedding = model.embedding
        if self.last:
            self.norm = model.norm
            if not isinstance(model.head, TiedLinear):
                self.head = model.head

    @property
    def first(self) -> bool:
        return self.index == 0

    @property
    def last(self) -> bool:
        return self.index == self.stages - 1

    @property
    def shared(self) -> Tensor | None:
        """The matrix that another stage has as well."""
        if not self.tied or self.first == self.last:
            return None
        return self.embedding.weight if self.first or self.last else None

    def forward(self, x: Tensor) -> Tensor:
        """Of tokens (B, T) in the first stage, of the stream (B, T, D) in others; the last norms it."""
        x_BTD: Tensor = self.embedding(x) if self.first else x
        length, device = x_BTD.shape[1], x_BTD.device
        rotation = self.rope(torch.arange(length, device=device), x_BTD.dtype)
        attends = {window: CausalAttention(length, window, device) for window in self._windows}
        for block, window in zip(self.blocks.values(), self._windows, strict=True):
            x_BTD = block(x_BTD, rotation, attends[window])
        return self.norm(x_BTD) if self.last else x_BTD

    def nll(self, x_BTD: Tensor, targets_BT: Tensor) -> Tensor:
        """Of the last stage: the negative log-likelihood of all targets together, in nats."""
        weight = self.embedding.weight if self.tied else self.head.weight
        return linear_cross_entropy(x_BTD.flatten(0, 1), weight, targets_BT.flatten(), ignore=IGNORE).nll
