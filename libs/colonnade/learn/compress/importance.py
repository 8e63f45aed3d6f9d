"""How much each attention head, feed-forward neuron and layer of a ``transformer`` matters.

Three ways, all of which give exactly 0 to what writes nothing into the residual stream:

* ``magnitude``: the most that a unit can write for an input of length 1, by the norms of its weights.
* ``activation``: how much it does write, as a root mean square over calibration tokens (as Minitron does,
  Muralidharan et al. 2024, arXiv:2407.14679, with the weights behind the activation counted in, as Sun et
  al. 2023, arXiv:2306.11695). Of a layer: 1 - cos(what goes in, what comes out) (Men et al. 2024,
  arXiv:2403.03853).
* ``taylor``: by how much the loss of a row changes, to first order, when the unit is scaled to nothing: the
  product of what it gives and the loss's gradient, absolute for each row (Michel et al. 2019,
  arXiv:1905.10650; Molchanov et al. 2019, arXiv:1906.10771).

Shapes: L layers, H query heads, K key-value heads, d head width, F neurons, D width, B rows, T tokens.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from colonnade.errors import InvalidArgument
from colonnade.learn.compress.watching import Watched, watched
from colonnade.models.families.transformer.model import Block, Transformer
from colonnade.models.families.transformer.objective import next_token


@dataclass(frozen=True, slots=True)
class Importance:
    """Larger matters more. Comparable within a layer; between layers only ``layers_L``."""

    heads_LH: Tensor
    neurons_LF: Tensor
    layers_L: Tensor


Method = Callable[[Transformer, Iterable[Tensor]], Importance]


def magnitude(model: Transformer, _rows: Iterable[Tensor] = ()) -> Importance:
    """|output| |value| of a head, since attention only averages values; |down| |up| |gate| of a neuron, since
    |silu(x)| <= |x|. Biases are left out. A layer: the sum over its heads and neurons."""
    heads_LH = torch.stack([_head_bounds(block) for block in _blocks(model)])
    neurons_LF = torch.stack([_neuron_bounds(block) for block in _blocks(model)])
    return Importance(heads_LH, neurons_LF, heads_LH.sum(1) + neurons_LF.sum(1))


def activation(model: Transformer, rows: Iterable[Tensor]) -> Importance:
    """``rows`` are batches (B, T) of token ids. Raises ``InvalidArgument`` where there is none."""
    layers = model.config.layers
    d, tokens = model.config.head_width, 0
    second_LHdd = torch.zeros(layers, model.config.heads, d, d)
    squares_LF, turned_L = torch.zeros(layers, model.config.hidden), torch.zeros(layers)
    for tokens_BT in _some(rows):
        with torch.no_grad(), watched(model) as seen:
            model.hidden_full(tokens_BT)
        tokens += tokens_BT.numel()
        for layer, each in enumerate(seen):
            mixed_NHd = _flat(each.mixed_BTH).reshape(-1, model.config.heads, d)
            second_LHdd[layer] += torch.einsum("nhd,nhe->hde", mixed_NHd, mixed_NHd)
            squares_LF[layer] += _flat(each.neurons_BTF).square().sum(0)
            turned_L[layer] += (1 - torch.cosine_similarity(_flat(each.before), _flat(each.after))).sum()
    output_LDHd = torch.stack([_by_head(block) for block in _blocks(model)])
    down_LF = torch.stack([_columns(block.feed_forward.down) for block in _blocks(model)])
    written_LH = torch.einsum("lohd,lhde,lohe->lh", output_LDHd, second_LHdd, output_LDHd)
    return Importance(
        (written_LH / tokens).clamp(min=0).sqrt(), (squares_LF / tokens).sqrt() * down_LF, turned_L / tokens
    )


def taylor(model: Transformer, rows: Iterable[Tensor]) -> Importance:
    """As ``activation``; T is at least 2."""
    config, targets = model.config, 0
    heads_LH, layers_L = torch.zeros(config.layers, config.heads), torch.zeros(config.layers)
    neurons_LF = torch.zeros(config.layers, config.hidden)
    for tokens_BT in _some(rows):
        with watched(model, learns=True) as seen:
            loss = next_token(model, tokens_BT[:, :-1], tokens_BT[:, 1:]).nll
        targets += tokens_BT[:, 1:].numel()
        for layer, (each, slope) in enumerate(zip(seen, _slopes(loss, seen), strict=True)):
            heads_BH = _of_heads(_change(each.mixed_BTH, slope.mixed_BTH), config.heads)
            heads_LH[layer] += heads_BH.abs().sum(0)
            neurons_LF[layer] += _change(each.neurons_BTF, slope.neurons_BTF).abs().sum(0)
            layers_L[layer] += _change(each.after - each.before, slope.after).sum(-1).abs().sum()
    return Importance(heads_LH / targets, neurons_LF / targets, layers_L / targets)


METHODS: Mapping[str, Method] = {"magnitude": magnitude, "activation": activation, "taylor": taylor}


def _slopes(loss: Tensor, seen: list[Watched]) -> list[Watched]:
    """The loss's gradient in everything that was seen."""
    inner = [value for each in seen for value in each]
    found = torch.autograd.grad(loss, inner)
    width = len(Watched._fields)
    return [Watched(*found[start : start + width]) for start in range(0, len(found), width)]


def _change(value_BTX: Tensor, slope_BTX: Tensor) -> Tensor:
    """(B, X): what a row's loss loses when each feature is scaled from 1 to 0, to first order."""
    return (value_BTX.detach() * slope_BTX).float().sum(1)


def _some(rows: Iterable[Tensor]) -> Iterable[Tensor]:
    empty = True
    for tokens_BT in rows:
        empty = False
        yield tokens_BT
    if empty:
        raise InvalidArgument(
            "calibrate: there is no row of tokens; give a text of a few thousand words", field="calibrate"
        )


def _blocks(model: Transformer) -> list[Block]:
    return [block for block in model.blocks if isinstance(block, Block)]


def _head_bounds(block: Block) -> Tensor:
    shape = block.attention.shape
    value_K: Tensor = block.attention.value.weight.float().reshape(shape.kv_heads, -1).norm(dim=1)
    output_H: Tensor = _by_head(block).norm(dim=(0, 2))
    value_H: Tensor = value_K.repeat_interleave(shape.heads // shape.kv_heads)
    return output_H * value_H


def _neuron_bounds(block: Block) -> Tensor:
    layer = block.feed_forward
    gate_F: Tensor = layer.gate.weight.float().norm(dim=1)
    up_F: Tensor = layer.up.weight.float().norm(dim=1)
    return _columns(layer.down) * up_F * gate_F


def _by_head(block: Block) -> Tensor:
    """The output matrix as (D, H, d)."""
    weight: Tensor = block.attention.output.weight.detach().float()
    return weight.reshape(len(weight), block.attention.shape.heads, -1)


def _of_heads(value_BX: Tensor, heads: int) -> Tensor:
    return value_BX.reshape(len(value_BX), heads, -1).sum(-1)


def _columns(layer: nn.Linear) -> Tensor:
    norms: Tensor = layer.weight.detach().float().norm(dim=0)
    return norms


def _flat(value_BTX: Tensor) -> Tensor:
    return value_BTX.float().flatten(0, 1)
