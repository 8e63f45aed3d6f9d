"""The model as a run begins with it: new or from a folder, as a whole or beside an adapter, its layers
sharing or not."""

from typing import Any, cast

from torch import nn

from colonnade.learn.compress.sharing import share
from colonnade.learn.recipe import Recipe
from colonnade.learn.tuning.adapting import adapt
from colonnade.learn.tuning.four_bits import quantised
from colonnade.learn.tuning.origin import Origin
from colonnade.learn.tuning.settings import AdapterTuning, QLoraTuning
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.training import Trainable


def beginning(recipe: Recipe, family: Trainable, config: Any, origin: Origin | None) -> nn.Module:
    """On the CPU. First weights, an adapter's too, are drawn from torch's global generator."""
    dtype, tuning = recipe.precise.weights, recipe.tuning
    if origin is None:
        model = family.build(config)
    else:
        model = quantised(origin, dtype) if isinstance(tuning, QLoraTuning) else origin.model(dtype)
    if recipe.model.share is not None:
        share(cast("Transformer", model), recipe.model.share)
    if isinstance(tuning, AdapterTuning):
        adapt(model, tuning)
    return model
