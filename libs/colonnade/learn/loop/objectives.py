"""What is learnt from a batch, whatever kind of batch it is."""

from typing import Protocol, TypeVar

from torch import nn

from colonnade.learn.data.batches import Batch, TokenBatch
from colonnade.models.training import Loss
from colonnade.models.training import Objective as TokenObjective

B_contra = TypeVar("B_contra", bound=Batch, contravariant=True)


class Objective(Protocol[B_contra]):
    """A loss, as sums over the targets of a batch."""

    @property
    def likelihood(self) -> bool:
        """Whether the loss is in nats a target, so that e to it is a perplexity."""
        ...

    def __call__(self, model: nn.Module, batch: B_contra, *, measure: bool = False) -> Loss:
        """``measure`` fills ``Loss.measures`` with what costs something; the rest is there anyway."""
        ...


class NextToken:
    """A family's own objective, of rows of tokens."""

    likelihood = True

    def __init__(self, objective: TokenObjective) -> None:
        self._objective = objective

    def __call__(self, model: nn.Module, batch: TokenBatch, *, measure: bool = False) -> Loss:
        return self._objective(model, batch.tokens_BT, batch.targets_BT, measure=measure)
