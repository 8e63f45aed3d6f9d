"""A model that is made of another without learning: pruned, rounded to fewer bits, or both in this order."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from colonnade.errors import Cancelled, ColonnadeError
from colonnade.learn.checkpoints import Json
from colonnade.learn.compress.making import Through, pruned, write_made
from colonnade.learn.compress.pruning import Sizes, sizes_of
from colonnade.learn.compress.rounding import round_model
from colonnade.learn.lineage import lineage
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending, Outcome
from colonnade.learn.place import Place
from colonnade.learn.recipe import ConvertRecipe
from colonnade.learn.recipe.convert import PruneSettings
from colonnade.learn.reports import Listener, Progressed
from colonnade.learn.results import result_of
from colonnade.learn.stages import check, counted
from colonnade.learn.stored_model import StoredModel
from colonnade.learn.tuning.origin import FIELD
from colonnade.models.families.transformer.model import Transformer


def convert(recipe: ConvertRecipe, place: Place, listener: Listener, stop: Stop) -> Outcome:
    """Fills ``model/``, unless it is there. Stopped, it begins anew. Raises ``ColonnadeError``."""
    stored = StoredModel.open(Path(recipe.model.from_), FIELD)
    place.take(recipe)
    try:
        if not place.model.exists():
            _make(recipe, stored, place, listener, stop)
    except Cancelled:
        return Outcome(Ending.STOPPED, 0, {}, "stopped before the model was made")
    outcome = Outcome(Ending.DONE, 0, {"conversion": _figures(recipe, stored, place)})
    place.conclude(result_of(outcome, lineage(recipe, {}, stored)))
    return outcome


def _make(recipe: ConvertRecipe, stored: StoredModel, place: Place, listener: Listener, stop: Stop) -> None:
    def through(rows: Iterable[Tensor], count: int) -> Iterator[Tensor]:
        return counted("measure", rows, count, listener, stop)

    model = stored.serving() if recipe.prune is None else _pruned(stored, recipe.prune, through)
    check(stop)
    if recipe.quantise is not None:
        model = model.to(torch.float32)
        round_model(model, recipe.quantise.bits)
    check(stop)
    listener(Progressed("export", 0, 1))
    write_made(model, stored, place.model, _source(recipe, stored))
    listener(Progressed("export", 1, 1))


def _pruned(stored: StoredModel, said: PruneSettings, through: Through) -> Transformer:
    """What is refused is refused by the recipe's field."""
    sizes = Sizes(heads=said.heads, kv_heads=said.kv_heads, hidden=said.hidden, layers=said.layers)
    text = None if said.calibrate is None else Path(said.calibrate)
    try:
        return pruned(stored, sizes, by=said.by, calibrate=text, through=through)
    except Cancelled:
        raise
    except ColonnadeError as error:
        field = f"prune.{error.details['field']}" if "field" in error.details else "prune"
        raise type(error)(f"prune: {error.message}", **{**error.details, "field": field}) from error


def _source(recipe: ConvertRecipe, stored: StoredModel) -> Mapping[str, Json]:
    made = recipe.model_dump(mode="json", include={"prune", "quantise"}, exclude_none=True)
    made.get("prune", {}).pop("calibrate", None)
    said = {"format": "conversion", "digest": stored.digest, "recipe": recipe.digest, "name": recipe.name}
    return {**said, **made, "parameters_before": stored.parameters}


def _figures(recipe: ConvertRecipe, stored: StoredModel, place: Place) -> Mapping[str, Json]:
    """Of what lies in ``model/``."""
    made = StoredModel.open(place.model)
    bits = {} if recipe.quantise is None else {"bits": recipe.quantise.bits}
    counts = {"parameters_before": stored.parameters, "parameters": made.parameters}
    return {**counts, **sizes_of(made.config), **bits}
