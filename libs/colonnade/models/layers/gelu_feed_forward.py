"""Feed-forward layer with GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415), the exact one with erf."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class GeluFeedForward(nn.Module):
    """down(gelu(up(x))), width -> hidden -> width."""

    def __init__(self, width: int, hidden: int, *, bias: bool = True) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden, bias=bias)
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, x_XD: Tensor) -> Tensor:
        out: Tensor = self.down(F.gelu(self.up(x_XD)))
        return out
