"""SwiGLU feed-forward layer (Shazeer 2020, arXiv:2002.05202)."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)), width -> hidden -> width."""

    def __init__(self, width: int, hidden: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=bias)
        self.up = nn.Linear(width, hidden, bias=bias)
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, x_XD: Tensor) -> Tensor:
        out: Tensor = self.down(F.silu(self.gate(x_XD)) * self.up(x_XD))
        return out
