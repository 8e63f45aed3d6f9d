"""An exponential moving average of a model's weights, often better than the last of them.

    average <- average + w (weights - average),    w = (1 - decay) / (1 - decay^n) at the n-th update

which is the plain average at decay ``d`` corrected for its start, as Adam corrects its moments: the first
update is the weights themselves, and no trace is left of where it began.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from colonnade.errors import InvalidArgument

PREFIX = "average/"


class Average:
    """Averages the trainable parameters of the model it is made for, in float32 at least."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise InvalidArgument(
                f"average: decay is {decay}; it must be at least 0 and below 1, for example 0.999",
                field="decay",
            )
        self._decay, self.updates = decay, 0
        self._weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._averages = {
            name: p.detach().to(torch.promote_types(p.dtype, torch.float32), copy=True)
            for name, p in self._weights.items()
        }

    @torch.no_grad()
    def update(self) -> None:
        """To be called after each step of the optimiser."""
        self.updates += 1
        share = (1 - self._decay) / (1 - self._decay**self.updates)
        for name, weights in self._weights.items():
            average = self._averages[name]
            average.lerp_(weights.to(average.dtype), share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the average as its weights inside, and its own bit-equal ones again after, come what
        may. Before the first update nothing differs. Not to be nested, nor trained inside."""
        own = {name: weights.detach().clone() for name, weights in self._weights.items()}
        self._put(self._averages)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, weights in self._weights.items():
            weights.copy_(values[name])

    def flatten(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors ``average/<parameter name>`` (not copied), and the facts that go with them."""
        return {PREFIX + name: t for name, t in self._averages.items()}, {"updates": self.updates}

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Refuses, by name, what does not fit the model; changes nothing then."""
        given = {name.removeprefix(PREFIX): t for name, t in tensors.items() if name.startswith(PREFIX)}
        for name in sorted(self._averages.keys() | given.keys()):
            mine, theirs = self._averages.get(name), given.get(name)
            if mine is None or theirs is None or mine.shape != theirs.shape:
                raise InvalidArgument(
                    f"average: {name} is {_described(mine)} in the model and {_described(theirs)} in what is "
                    "restored; go on with the model that it was made of",
                    field=name,
                )
        for name, average in self._averages.items():
            average.copy_(given[name])
        self.updates = int(facts["updates"])


def _described(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"of shape {list(tensor.shape)}"
