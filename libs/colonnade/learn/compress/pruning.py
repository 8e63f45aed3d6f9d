"""Structured pruning of a ``transformer``: a smaller one with the weights of what matters most.

Cut out are attention heads, feed-forward neurons and whole layers, the same number of heads and neurons in
every layer, so that what remains is an ordinary model: it loads, serves and trains as any other. Which ones
stay is decided layer by layer by their importance (``importance.py``). Weights are copied and never changed;
a training afterwards makes good for what was cut (Muralidharan et al. 2024, arXiv:2407.14679, who take the
large model for its teacher).

Heads go in one of two ways, or both: whole groups (a key-value head with its query heads; the cache shrinks
with them), or query heads within every group.

Shapes: L layers, H query heads, K key-value heads, G query heads of each, d head width, F neurons, D width.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.learn.compress.importance import Importance
from colonnade.models.families.transformer.checkpoint import blank
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.hugging_face import to_hugging_face
from colonnade.models.families.transformer.model import Transformer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What is to remain; None leaves it as it is."""

    heads: int | None = None
    kv_heads: int | None = None
    """Left out beside ``heads``: whole groups go where that adds up, else query heads within groups."""
    hidden: int | None = None
    layers: int | None = None


def sizes_of(config: TransformerConfig) -> dict[str, int]:
    """Of a model, by the names of ``Sizes``."""
    return {name: getattr(config, name) for name in ("heads", "kv_heads", "hidden", "layers")}


@dataclass(frozen=True, slots=True)
class Kept:
    """Which units of the large model the small one has, in their old order."""

    layers: tuple[int, ...]
    heads: tuple[tuple[int, ...], ...]
    """Of each kept layer."""
    kv_heads: tuple[tuple[int, ...], ...]
    neurons: tuple[tuple[int, ...], ...]


def smaller(config: TransformerConfig, sizes: Sizes) -> TransformerConfig:
    """The configuration of a pruned model, all its layers' windows still there.

    Raises ``InvalidArgument`` for what is no size of a part of this model, ``Unsupported`` for a model that
    no Hugging Face architecture could hold."""
    heads, kv_heads = _heads(config, sizes)
    hidden = _within(sizes.hidden, config.hidden, "hidden")
    layers = _within(sizes.layers, config.layers, "layers")
    made = replace(
        config, heads=heads, kv_heads=kv_heads, hidden=hidden, layers=layers, windows=config.windows[:layers]
    )
    to_hugging_face(made)
    if made == config:
        raise InvalidArgument(
            "nothing is to be pruned: name fewer heads, kv_heads, hidden or layers than the model has",
            field="heads",
        )
    return made


def choose(config: TransformerConfig, sizes: Sizes, importance: Importance) -> Kept:
    """The most important units; of equals the earlier."""
    made = smaller(config, sizes)
    layers = _best(importance.layers_L, made.layers)
    heads, kv_heads = [], []
    for layer in layers:
        groups, queries = _best_heads(importance.heads_LH[layer], config.kv_heads, made)
        kv_heads.append(groups)
        heads.append(queries)
    neurons = tuple(_best(importance.neurons_LF[layer], made.hidden) for layer in layers)
    return Kept(layers, tuple(heads), tuple(kv_heads), neurons)


def cut(model: Transformer, kept: Kept) -> Transformer:
    """A new model with copies of the weights of what is kept; ready to serve."""
    config = model.config
    made = _config(config, kept)
    state = {}
    for name, value in model.named_parameters():
        _, _, rest = name.partition("blocks.")
        layer, _, inner = rest.partition(".")
        if not rest:
            state[name] = value.detach().clone()
        elif int(layer) in kept.layers:
            place = kept.layers.index(int(layer))
            state[f"blocks.{place}.{inner}"] = _cut(inner, value, kept, place, config.head_width)
    pruned = blank(made)
    pruned.load_state_dict(state, strict=True, assign=True)
    return pruned.requires_grad_(False).eval()


def prune(model: Transformer, sizes: Sizes, importance: Importance) -> Transformer:
    """``cut`` to what ``choose`` chose."""
    return cut(model, choose(model.config, sizes, importance))


def _config(config: TransformerConfig, kept: Kept) -> TransformerConfig:
    windows = tuple(config.window(layer) for layer in kept.layers)
    return replace(
        config,
        layers=len(kept.layers),
        heads=len(kept.heads[0]),
        kv_heads=len(kept.kv_heads[0]),
        hidden=len(kept.neurons[0]),
        windows=windows if any(windows) else (),
    )


def _cut(name: str, value: Tensor, kept: Kept, place: int, d: int) -> Tensor:
    """A copy of what stays of a block's parameter."""
    queries, groups = _features(kept.heads[place], d), _features(kept.kv_heads[place], d)
    neurons = torch.tensor(kept.neurons[place])
    match name.split("."):
        case ["attention", "query", _]:
            return value.detach()[queries]
        case ["attention", "key" | "value", _]:
            return value.detach()[groups]
        case ["feed_forward", "gate" | "up", _]:
            return value.detach()[neurons]
        case ["attention", "output", "weight"]:
            return value.detach()[:, queries]
        case ["feed_forward", "down", "weight"]:
            return value.detach()[:, neurons]
    return value.detach().clone()


def _features(heads: tuple[int, ...], d: int) -> Tensor:
    return (torch.tensor(heads)[:, None] * d + torch.arange(d)).flatten()


def _best_heads(
    scores_H: Tensor, kv_heads: int, made: TransformerConfig
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The best queries of every group, then the groups whose best matter most together."""
    scores_KG = scores_H.reshape(kv_heads, -1)
    each = made.heads // made.kv_heads
    inner = [_best(scores_G, each) for scores_G in scores_KG]
    worth_K = torch.stack([scores_KG[group][list(kept)].sum() for group, kept in enumerate(inner)])
    groups = _best(worth_K, made.kv_heads)
    width = scores_KG.shape[1]
    return groups, tuple(group * width + query for group in groups for query in inner[group])


def _best(scores_X: Tensor, count: int) -> tuple[int, ...]:
    order = torch.argsort(scores_X, descending=True, stable=True)[:count]
    return tuple(sorted(order.tolist()))


def _heads(config: TransformerConfig, sizes: Sizes) -> tuple[int, int]:
    kv_heads = _within(sizes.kv_heads, config.kv_heads, "kv_heads")
    each = config.heads // config.kv_heads
    if sizes.heads is None:
        return kv_heads * each, kv_heads
    heads = _within(sizes.heads, config.heads, "heads")
    if sizes.kv_heads is None and heads % each == 0:
        return heads, heads // each
    if heads % kv_heads or heads // kv_heads > each:
        raise InvalidArgument(
            f"heads is {heads}: with {kv_heads} key-value heads it can be a multiple of {kv_heads} up to"
            f" {kv_heads * each}; whole groups are multiples of {each}",
            field="heads",
        )
    return heads, kv_heads


def _within(asked: int | None, most: int, field: str) -> int:
    if asked is None:
        return most
    if not 1 <= asked <= most:
        raise InvalidArgument(
            f"{field} is {asked}; it must be between 1 and the model's {most}", field=field, limit=most
        )
    return asked
