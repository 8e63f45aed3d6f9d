"""Packs a loaded model's weights, matrix by matrix, for the native products.

``auto`` keeps what the weights are: a matrix that lies on a 4-bit or an 8-bit grid, as a quantised file's do,
is held in as many bits; any other in the narrowest float that holds it exactly.
"""

from collections import Counter
from typing import Literal

import torch
from torch import Tensor, nn

from colonnade.engine.kernels.linear import PackedEmbedding, PackedLinear
from colonnade.models.layers.tied import TiedLinear
from colonnade.models.quantised.layout import Packed, pack, pack_exact
from colonnade.models.quantised.quantize import Format

Weights = Literal["auto", "stored", "float32", "bfloat16", "int8", "int4"]


def pack_model(model: nn.Module, weights: Weights, *, quantised: bool = False) -> Format:
    """Replaces every ``nn.Linear`` and every tied head of ``model`` by a packed one, and makes all else
    float32. ``quantised``: the weights come from a quantised file, so ``auto`` takes 8 bits for what lies on
    no grid of ours. Returns the format of most weights."""
    counts: Counter[Format] = Counter()
    for path, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear):
            packed = packed_as(layer.weight, weights, quantised)
            model.set_submodule(path, PackedLinear(packed, layer.bias))
        elif isinstance(layer, TiedLinear):
            packed = packed_as(layer.embedding.weight, weights, quantised)
            _replace(model, layer.embedding, PackedEmbedding(packed))
            model.set_submodule(path, PackedLinear(packed))
        else:
            continue
        counts[packed.form] += packed.rows * packed.columns
    _widen(model)
    return counts.most_common(1)[0][0] if counts else "float32"


def packed_as(weight_NK: Tensor, weights: Weights, quantised: bool = False) -> Packed:
    if weights == "auto":
        return _kept(weight_NK, quantised)
    if weights == "stored":
        return pack(weight_NK, _stored(weight_NK))
    return pack(weight_NK, weights)


def _kept(weight_NK: Tensor, quantised: bool) -> Packed:
    for form in ("int4", "int8"):
        if (packed := pack_exact(weight_NK, form)) is not None:
            return packed
    if quantised:
        return pack(weight_NK, "int8")
    narrow = torch.equal(weight_NK.to(torch.bfloat16).to(weight_NK.dtype), weight_NK)
    return pack(weight_NK, "bfloat16" if narrow else "float32")


def _stored(weight_NK: Tensor) -> Format:
    return "bfloat16" if weight_NK.dtype == torch.bfloat16 else "float32"


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    path = next(path for path, layer in model.named_modules() if layer is old)
    model.set_submodule(path, new)


def _widen(model: nn.Module) -> None:
    """Norms, biases and plain embeddings: the products between them take and give float32."""
    for layer in model.modules():
        for name, value in list(layer.named_parameters(recurse=False)):
            if value.dtype != torch.float32:
                setattr(layer, name, nn.Parameter(value.detach().float(), requires_grad=False))
