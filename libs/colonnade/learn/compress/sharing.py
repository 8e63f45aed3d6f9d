"""Layers of a ``transformer`` that share their weights (Lan et al. 2020, ALBERT, arXiv:1909.11942).

``cyclic``: layer i has the weights of layer i mod n, as if n layers were run several times (Dehghani et al.
2019, Universal Transformer, arXiv:1807.03819, without its embedding of time). ``runs``: n runs of
neighbouring layers, each with the weights of its first (Takase and Kiyono 2021, arXiv:2104.06022, compare
both).

While it learns, a weight is there once: once in the optimiser's state, once in the gradients. No Hugging Face
architecture says that layers share, so what is stored is ``expanded``: every layer with its copy, an ordinary
model of ordinary size. So sharing saves memory while training, not on the disk and not while serving, and
``Sharing.facts`` says in ``colonnade.json`` that it was so. A moving average of the weights has them under
the names of their first layers alone: ``expanded_snapshot`` gives it to all of them.
"""

from dataclasses import replace

from colonnade.learn.checkpoints import Snapshot
from colonnade.learn.compress.settings import Sharing
from colonnade.models.families.transformer.checkpoint import blank
from colonnade.models.families.transformer.model import Transformer


def share(model: Transformer, sharing: Sharing) -> Transformer:
    """The very model, its layers sharing from now on; to be called before an optimiser is made of it. The
    weights of layers that own none are dropped."""
    for layer, owner in enumerate(sharing.owners(model.config.layers)):
        model.blocks[layer] = model.blocks[owner]
    return model


def expanded(model: Transformer) -> Transformer:
    """An ordinary model that gives the same: every layer with its own copy; ready to serve and to store."""
    plain = blank(model.config)
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    plain.load_state_dict(state, strict=True, assign=True)
    return plain.requires_grad_(False).eval()


def expanded_snapshot(snapshot: Snapshot, sharing: Sharing, layers: int) -> Snapshot:
    """A checkpoint of a model whose layers share, with every layer's copy, of its average too: what an export
    takes. Checkpoints themselves keep a shared weight once."""
    tensors = {name: value.clone() for name, value in snapshot.tensors.items()}
    for layer, owner in enumerate(sharing.owners(layers)):
        for group in ("model", "average"):
            own = f"{group}/blocks.{owner}."
            copies = {name: value for name, value in tensors.items() if name.startswith(own)}
            tensors |= {
                f"{group}/blocks.{layer}.{name.removeprefix(own)}": value.clone()
                for name, value in copies.items()
                if layer != owner
            }
    return replace(snapshot, tensors=tensors)
