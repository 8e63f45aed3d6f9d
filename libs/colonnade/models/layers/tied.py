"""An output layer that shares the embedding's matrix (Press and Wolf 2017, arXiv:1608.05859)."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class TiedLinear(nn.Module):
    """x @ embedding^T. The matrix is the embedding's alone: here it is no parameter, and it is not stored."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self._owner = (embedding,)  # in a tuple, so that it is not registered here a second time

    @property
    def embedding(self) -> nn.Embedding:
        return self._owner[0]

    def forward(self, x_XD: Tensor) -> Tensor:
        return F.linear(x_XD, self.embedding.weight)
