"""A base in four bits: what an adapter learns beside with ``tuning: {kind: qlora}``.

In four bits are all layers that adapters may change, whichever have a part: the engine serves the same
numbers where it keeps the base in ``int4``. Embedding, norms and output layer stay as they are.
"""

import torch
from torch import nn

from colonnade.learn.stored_model import StoredModel
from colonnade.learn.tuning.adapting import sites_of
from colonnade.models.families.transformer.checkpoint import blank
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.quantised.layout import unpack
from colonnade.models.quantised.linear import FrozenLinear


def quantised(stored: StoredModel, dtype: torch.dtype) -> Transformer:
    """Packed matrix by matrix, so that the model is never in memory as floats."""
    model, read = blank(stored.config), stored.reader()
    for site in sites_of(model).values():
        layer, weight = model.get_submodule(site.module), read(f"{site.module}.weight")
        assert isinstance(layer, nn.Linear)
        model.set_submodule(site.module, FrozenLinear(weight.float(), bias_N=layer.bias))
    model.load_state_dict(stored.weights(model, dtype), strict=True, assign=True)
    return model


def rounded(stored: StoredModel, dtype: torch.dtype) -> Transformer:
    """The same as plain floats: what an adapter that was learnt beside it is merged into."""
    model = quantised(stored, dtype)
    for site in sites_of(model).values():
        layer = model.get_submodule(site.module)
        assert isinstance(layer, FrozenLinear)
        plain = nn.Linear(site.inputs, site.outputs, bias=layer.bias is not None, device="meta")
        plain.weight = nn.Parameter(unpack(layer.packed).to(dtype))
        plain.bias = layer.bias  # type: ignore[assignment] # nn.Linear's may be None
        model.set_submodule(site.module, plain)
    return model
