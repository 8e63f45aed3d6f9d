"""Weights on the engine's own grid: what it serves in as many bits, number by number (``models/quantised``).

Rounded are the matrices that the engine packs: every linear layer, and an embedding that is the output layer
too. Norms, biases and other embeddings stay as they are. The result is plain floats.
"""

import torch
from torch import Tensor, nn

from colonnade.errors import Unsupported
from colonnade.models.layers.tied import TiedLinear
from colonnade.models.quantised.quantize import Format, dequantise, on_grid, quantise

FORMS: dict[int, Format] = {4: "int4", 8: "int8"}
_ROUNDS = 4
"""Where a group's offset is far larger than its range, the first rounding of both may miss the grid."""


def round_model(model: nn.Module, bits: int) -> None:
    """In place; ``model`` is in float32, which holds such a grid exactly. Raises ``Unsupported`` for weights
    that the format cannot hold."""
    for path, layer in model.named_modules():
        owner = layer.embedding if isinstance(layer, TiedLinear) else layer
        if isinstance(layer, nn.Linear | TiedLinear):
            weight = _rounded(owner.weight.detach(), FORMS[bits], path)
            owner.weight = nn.Parameter(weight, requires_grad=False)


def _rounded(weight_NK: Tensor, form: Format, name: str) -> Tensor:
    """(N, K) in float32, where ``on_grid`` finds it again."""
    for _ in range(_ROUNDS):
        weight_NK = dequantise(quantise(weight_NK, form))
        if bool(torch.isfinite(weight_NK).all()) and on_grid(weight_NK, form) is not None:
            return weight_NK
    raise Unsupported(
        f"quantise: {name} has weights that {form} cannot hold: they are infinite, no numbers, or too large",
        field="quantise",
    )
