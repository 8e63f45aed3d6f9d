"""Low-rank adaptation of a linear layer (Hu et al. 2021, arXiv:2106.09685).

    y = W x + s B A x
    s = alpha / r, or rank-stabilised (Kalajdzievski 2023, arXiv:2312.03732) alpha / sqrt(r)

``LowRank`` is what one adapter adds to one layer; ``LoRALinear`` trains one. While a model serves, its
``AdapterBank`` says for each forward what is added to which layer: a plain layer gets it by a forward hook,
and a layer that computes several at once asks for it with ``added_to``.

Shapes: X any leading axes, I inputs, O outputs, R rank.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.models.quantised.linear import FrozenLinear

Added = Callable[[Tensor, Tensor], None]
"""Takes a layer's input and its output (or that layer's columns of a larger one) and adds to the output."""

_KEY = "_low_rank"


def scale_of(alpha: float, rank: int, *, rank_stabilised: bool = False) -> float:
    return alpha / (math.sqrt(rank) if rank_stabilised else rank)


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """What an adapter adds to one linear layer. ``up_RO`` is B, transposed, with the scale in it."""

    down_RI: Tensor
    up_RO: Tensor

    @property
    def rank(self) -> int:
        return self.down_RI.shape[0]

    @property
    def nbytes(self) -> int:
        return self.down_RI.nbytes + self.up_RO.nbytes

    def __call__(self, x_XI: Tensor) -> Tensor:
        return F.linear(x_XI, self.down_RI) @ self.up_RO

    def dense(self) -> Tensor:
        """The same as a full matrix (O, I), as it is merged into a weight."""
        return self.up_RO.T @ self.down_RI


class LoRALinear(nn.Module):
    """A frozen linear layer with a trainable low-rank part that starts at exactly nothing: B = 0."""

    def __init__(
        self,
        base: nn.Linear | FrozenLinear,
        rank: int,
        alpha: float,
        *,
        rank_stabilised: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """``dropout`` is the share of what goes into the low-rank part that is left out while it trains.
        Beside packed weights the part begins in float32."""
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = scale_of(alpha, rank, rank_stabilised=rank_stabilised)
        like = base.weight if isinstance(base, nn.Linear) else base.blocks.new_empty(0, dtype=torch.float32)
        self.down = nn.Parameter(like.new_empty(rank, base.in_features))
        self.up = nn.Parameter(like.new_zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.active = True
        """False: the frozen layer alone. See ``bare``."""

    def forward(self, x_XI: Tensor) -> Tensor:
        out: Tensor = self.base(x_XI)
        if not self.active:
            return out
        return out + F.linear(F.linear(self.dropout(x_XI), self.down), self.up) * self.scale

    def low_rank(self) -> LowRank:
        """What was learnt, to be served."""
        return LowRank(self.down.detach().clone(), (self.up.detach() * self.scale).T.contiguous())


@contextmanager
def bare(model: nn.Module) -> Iterator[None]:
    """Inside, ``model`` computes as it did before it was adapted: without what its ``LoRALinear`` add."""
    layers = [each for each in model.modules() if isinstance(each, LoRALinear) and each.active]
    for layer in layers:
        layer.active = False
    try:
        yield
    finally:
        for layer in layers:
            layer.active = True


def added_to(layer: nn.Module) -> Added | None:
    """What adapters add to ``layer`` in the forward that runs now; None for nothing.

    Whatever computes a layer's product without calling the layer (one product for query, key and value, a
    fused block) must ask this of each of them, and give every one its own columns of the output."""
    added: Added | None = layer.__dict__.get(_KEY)
    return added


def add_to(layer: nn.Module, added: Added | None) -> None:
    """Sets what ``added_to`` answers from now on."""
    if added is None:
        layer.__dict__.pop(_KEY, None)
    else:
        layer.__dict__[_KEY] = added
