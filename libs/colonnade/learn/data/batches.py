"""Batches: rows of token ids, and what is to be learnt at each place.

A training loop asks little of a batch (``Batch``) and of where batches come from (``Batches``): what is
learnt from one is its objective's to know.

Shape legend: B rows, T tokens.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colonnade.errors import InvalidArgument

IGNORE = -100
"""A target from which nothing is learnt; what ``torch.nn.functional.cross_entropy`` ignores by default."""

Tokens = npt.NDArray[np.int64]
Learnt = npt.NDArray[np.bool_]


class Batch(Protocol):
    @property
    def learnt(self) -> int:
        """How many targets it has: what a mean loss over several batches is weighted by."""
        ...

    @property
    def places(self) -> int:
        """How many tokens go through the model, padding among them."""
        ...

    def to(self, device: torch.device) -> Self: ...


B_co = TypeVar("B_co", bound=Batch, covariant=True)


class Batches(Protocol[B_co]):
    """A batch is a function of the step."""

    def stream(self, start: int) -> AbstractContextManager[Iterator[B_co]]:
        """Those of the steps from ``start`` on, without end."""
        ...

    def whole(self, batches: int | None = None) -> Iterator[B_co]:
        """Everything once, or the first ``batches`` of it, always the same."""
        ...

    def epoch(self, step: int) -> float:
        """How often everything has been seen before ``step``."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One row before it is shifted: token i + 1 is the target at place i where it is learnt."""

    tokens: Tokens
    learnt: Learnt
    """As long as ``tokens``; the first is never a target."""

    @classmethod
    def whole(cls, tokens: Tokens) -> "Sample":
        return cls(tokens, np.ones(tokens.size, np.bool_))

    @property
    def places(self) -> int:
        """How many inputs the row has, and so targets, ignored ones among them."""
        return max(0, self.tokens.size - 1)


@dataclass(frozen=True, slots=True)
class TokenBatch:
    tokens_BT: Tensor
    """int64"""
    targets_BT: Tensor
    """int64: the token that follows, or ``IGNORE``."""
    sources_B: Tensor
    """int64: the index of each row's source, in the mixture's order."""

    @property
    def learnt(self) -> int:
        """How many targets are not ignored: what a mean loss over several batches is weighted by."""
        return int((self.targets_BT != IGNORE).sum())

    @property
    def places(self) -> int:
        return self.tokens_BT.numel()

    def to(self, device: torch.device) -> "TokenBatch":
        return TokenBatch(
            self.tokens_BT.to(device, non_blocking=True),
            self.targets_BT.to(device, non_blocking=True),
            self.sources_B,
        )


def check_rank(rank: int, world: int) -> None:
    if not 0 <= rank < world:
        raise InvalidArgument(f"rank {rank} is outside a world of {world}", field="rank", limit=world)


def collate(samples: Sequence[Sample], sources: Sequence[int], *, pad: int) -> TokenBatch:
    """Rows padded on the right with ``pad`` to the longest; at least one place wide."""
    width = max(1, *(sample.places for sample in samples))
    tokens_BT = np.full((len(samples), width), pad, np.int64)
    targets_BT = np.full((len(samples), width), IGNORE, np.int64)
    for row, sample in enumerate(samples):
        tokens_BT[row, : sample.places] = sample.tokens[:-1]
        targets_BT[row, : sample.places] = np.where(sample.learnt[1:], sample.tokens[1:], IGNORE)
    return TokenBatch(
        torch.from_numpy(tokens_BT),
        torch.from_numpy(targets_BT),
        torch.tensor(sources, dtype=torch.int64),
    )
