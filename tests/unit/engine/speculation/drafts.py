"""Draft models for tests: the target itself, the target slightly off, another one, one that fails."""

from typing import cast

import torch

from colonnade.engine.runtime import Runtime
from colonnade.models.protocol import Batch, LanguageModel, Outputs, State
from tests.unit.engine.toys.autoregressive import Autoregressive
from tests.unit.engine.toys.loaded import runtime


class Counted(Autoregressive):
    """Remembers the tokens of each forward's spans."""

    def __init__(self, seed: int = 0, noise: float = 0.0) -> None:
        super().__init__(seed)
        self.forwards: list[list[int]] = []
        generator = torch.Generator().manual_seed(seed + 1)
        for parameter in self.parameters():
            parameter.add_(noise * torch.randn(parameter.shape, generator=generator))

    def forward(self, batch: Batch, state: State) -> Outputs:
        self.forwards.append([len(span.tokens) for span in batch.spans])
        return super().forward(batch, state)


def twin(noise: float = 0.0) -> Counted:
    """The autoregressive toy with a little noise on its weights."""
    return Counted(0, noise)


def stranger() -> Counted:
    """Of the same make, with other weights: hardly ever agrees."""
    return Counted(99)


def loaded(model: Autoregressive) -> Runtime:
    return runtime("autoregressive", cast("LanguageModel", model))
