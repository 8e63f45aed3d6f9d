"""What cannot be spread over processes, refused before anything is prepared."""

from colonnade.errors import Unsupported
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.recipe import Recipe

WHOLE = frozenset({"lamb", "adafactor", "sophia"})
"""Optimisers that look at whole matrices."""


def check_spread(recipe: Recipe, layout: Layout) -> None:
    """Raises ``Unsupported``, naming the field."""
    if layout.shards == layout.tensor == 1:
        return
    name = recipe.optimiser.name
    if name in WHOLE:
        raise Unsupported(
            f"optimiser.name: {name} needs whole matrices, and shards and tensor leave a process parts of"
            " them; take adamw, sgd, lion, adan or muon, or replicas alone",
            field="optimiser.name",
        )
    if recipe.optimiser.implementation in ("fused", "foreach"):
        raise Unsupported(
            "optimiser.implementation: with shards or tensor it is auto, or single",
            field="optimiser.implementation",
        )
    if recipe.model.share is not None:
        raise Unsupported("parallel: layers that share weights learn with replicas alone", field="parallel")
    if recipe.tuning.kind != "full" and (layout.tensor > 1 or recipe.tuning.kind != "lora"):
        raise Unsupported(
            f"parallel: tuning {recipe.tuning.kind} learns with replicas"
            + (" and shards" if recipe.tuning.kind == "lora" else " alone"),
            field="parallel",
        )
