"""How a model family and a training loop meet.

The loop owns steps, precision, optimisers and what is told of them. A family owns what is to be learnt from a
batch: its ``Objective`` turns rows of tokens into a loss. A family's module names its ``Trainable``: how a
model is laid out by a preset, and which objective teaches it.

Shapes: B rows, T tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh

IGNORE = -100
"""A target from which nothing is learnt."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a batch says about a model, as sums, so that parts of a batch add up to the whole."""

    nll: Tensor
    """Scalar, to be differentiated: the negative log-likelihood of all targets together, in nats."""
    targets: Tensor
    """Scalar: how many there were."""
    extra: Tensor | None = None
    """Scalar, to be differentiated: what else is to be small (a router's balance), weighted, per target."""
    measures: Mapping[str, Tensor] = field(default_factory=dict)
    """Sums over targets of what is only looked at: ``top1``, ``top5`` (how often it was among those)."""


class Objective(Protocol):
    def __call__(
        self, model: nn.Module, tokens_BT: Tensor, targets_BT: Tensor, *, measure: bool = False
    ) -> Loss:
        """``targets_BT`` holds ``IGNORE`` where nothing is to be learnt. ``measure`` fills ``measures``."""
        ...


class Writer(Protocol):
    """Writes what ``load`` and other software read of a model into a folder."""

    def __call__(self, model: Any, folder: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Trainable:
    """What a family offers a training loop."""

    presets: Mapping[str, Callable[[], Any]]
    """Named configurations: frozen dataclasses with ``vocab_size`` and ``context_length``."""
    build: Callable[[Any], nn.Module]
    """A model with fresh weights, drawn from torch's global generator."""
    objective: Objective
    blank: Callable[[Any], nn.Module]
    """The same without memory for its weights, to be given those of a model folder."""
    stored_name: Callable[[str], str]
    """What a parameter is called in a model folder's files."""
    save: Writer
    logits: Callable[[Any, Tensor], Tensor]
    """Of whole rows, (B, T) to (B, T, V), by plain operations: what is differentiated twice."""
    likelihoods: Callable[[Any, Tensor, Tensor], Tensor]
    """Of a model, tokens and targets (B, T): the log-likelihood of each row's targets together, (B,) in nats,
    to be differentiated."""
    stacks: Sequence[str] = ()
    """Names of the modules that hold the repeated blocks, largest share of the activations."""
    methods: Sequence[str] = ()
    """Names of the model's methods that compute with its weights, beside ``forward``."""
    split: Callable[[Any, DeviceMesh], None] | None = None
    """Splits the products of a model's blocks between processes, in place."""
