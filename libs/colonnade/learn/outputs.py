"""What a run that is done leaves: a model folder, or an adapter's."""

from typing import Any

from colonnade.learn.checkpoints import CheckpointManager, Snapshot
from colonnade.learn.checkpoints.export import Weights, export, weights_of
from colonnade.learn.compress.sharing import expanded_snapshot
from colonnade.learn.lineage import BASE
from colonnade.learn.material import Material
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.tuning.adapter_folder import write_adapter
from colonnade.learn.tuning.adapting import chosen, merge
from colonnade.learn.tuning.four_bits import rounded
from colonnade.learn.tuning.origin import Origin
from colonnade.learn.tuning.settings import AdapterTuning, QLoraTuning
from colonnade.models.families import catalog
from colonnade.models.layers.lora import scale_of


class Outputs:
    """Those of one run. What is there already is left as it is."""

    def __init__(
        self, recipe: Recipe, place: Place, material: Material, origin: Origin | None, config: Any
    ) -> None:
        self._recipe, self._place, self._material = recipe, place, material
        self._origin, self._config = origin, config
        self._weights: Weights = "average" if recipe.output.weights == "average" else "model"

    @property
    def there(self) -> bool:
        adapts = isinstance(self._recipe.tuning, AdapterTuning)
        model = self._place.model.exists() or (adapts and not self._recipe.output.merged)
        return model and (not adapts or self._place.adapter.exists())

    def write(self, checkpoints: CheckpointManager) -> None:
        """Raises what ``export`` and ``write_adapter`` raise."""
        snapshot = _chosen(self._recipe, checkpoints)
        tuning = self._recipe.tuning
        if not isinstance(tuning, AdapterTuning):
            self._model(snapshot, self._weights)
            return
        if not self._place.adapter.exists():
            sites = chosen(self._family.blank(self._config), tuning)
            write_adapter(weights_of(snapshot, self._weights), sites, tuning, self._place.adapter)
        if self._recipe.output.merged and not self._place.model.exists():
            self._model(self._merged(snapshot, tuning), "model")

    @property
    def _family(self) -> Any:
        return catalog.trainable(self._recipe.model.family)

    def _merged(self, snapshot: Snapshot, tuning: AdapterTuning) -> Snapshot:
        """One of the whole model, as if all of it had learnt."""
        assert self._origin is not None, "an adapter has a base"
        dtype = self._recipe.precise.weights
        packed = isinstance(tuning, QLoraTuning)
        model = rounded(self._origin, dtype) if packed else self._origin.model(dtype)
        scale = scale_of(tuning.alpha, tuning.rank, rank_stabilised=tuning.rank_stabilised)
        merge(model, weights_of(snapshot, self._weights), scale)
        tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
        return Snapshot(snapshot.step, snapshot.epoch, tensors)

    def _model(self, snapshot: Snapshot, weights: Weights) -> None:
        """With the tokenizer and the chat template of the model that the run began from, if it did."""
        recipe, facts = self._recipe, self._material.facts
        base = {} if self._origin is None else {BASE: self._origin.digest}
        if (sharing := recipe.model.share) is not None:
            snapshot = expanded_snapshot(snapshot, sharing, self._config.layers)
            base |= sharing.facts()
        export(
            snapshot,
            self._place.model,
            family=recipe.model.family,
            config=self._config,
            tokenizer=self._place.data if self._origin is None else self._origin.folder,
            end_of_text=self._material.end_of_text,
            weights=weights,
            source={"recipe": recipe.digest, **facts, "name": recipe.name} | base,
        )


def _chosen(recipe: Recipe, checkpoints: CheckpointManager) -> Snapshot:
    """The last weights are those of the last checkpoint: the run's end wrote one."""
    silent: list[str] = []
    found = checkpoints.best(silent.append) if recipe.output.weights == "best" else None
    found = found or checkpoints.latest(silent.append)
    assert found is not None, "a run that is done has a checkpoint"
    return found
