"""A run from its recipe to a model folder. Started again in the same folder it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from colonnade.errors import Cancelled, InvalidArgument
from colonnade.learn.checkpoints import Best, CheckpointManager, Json, Retention
from colonnade.learn.compress.teaching import distillation, teacher_of
from colonnade.learn.flops import flops_a_token
from colonnade.learn.lineage import lineage
from colonnade.learn.loop.learner import Learner
from colonnade.learn.loop.objectives import NextToken, Objective
from colonnade.learn.loop.samples import continued
from colonnade.learn.loop.step import Before
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.throughput import Throughput, measured_peak
from colonnade.learn.loop.trainer import Ending, Outcome, Trainer
from colonnade.learn.material import Material, check_rows, material_of
from colonnade.learn.mesh.checkpoints import SharedCheckpoints, opened
from colonnade.learn.mesh.limits import check_spread
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.outputs import Outputs
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.reports import Listener, Progressed, Said
from colonnade.learn.results import result_of
from colonnade.learn.schedules import make_schedule
from colonnade.learn.stages import preparing
from colonnade.learn.stored_model import StoredModel
from colonnade.learn.tuning.adapting import chosen
from colonnade.learn.tuning.origin import Origin
from colonnade.learn.tuning.preferring import DirectPreference
from colonnade.learn.tuning.settings import AdapterTuning, DirectPreferenceSettings
from colonnade.models.families import catalog
from colonnade.models.training import Trainable

BEST = Best("validation.loss")


def run(
    recipe: Recipe, place: Place, listener: Listener, stop: Stop, mesh: ScalableMesh | None = None
) -> Outcome:
    """Prepares, trains and exports, each only as far as it is not done yet. Raises ``ColonnadeError``.

    With ``mesh`` it is called in each of its processes; the first one prepares, tells and writes."""
    mesh = mesh or ScalableMesh.alone()
    check_spread(recipe, mesh.layout)
    origin, teacher = _checked(recipe)  # refused before hours of preparing
    mesh.led(lambda: place.take(recipe))
    try:
        material = material_of(recipe, place, origin, mesh, preparing(listener, stop))
    except Cancelled:
        return Outcome(Ending.STOPPED, 0, {}, "stopped while the data was prepared")
    if material.sentence:
        listener(Said(material.sentence))
    config = config_of(recipe, origin, material.vocabulary)
    facts = lineage(recipe, material.facts, origin, teacher)
    kept = recipe.checkpoints
    retention = Retention(keep_last=kept.keep, keep_every=kept.keep_every, best=BEST)
    make = partial(CheckpointManager, place.checkpoints, retention=retention)
    with opened(mesh, make) as checkpoints:
        outcome = _trained(recipe, config, material, origin, teacher, facts, checkpoints, listener, stop)
        if mesh.leads and outcome.ending is Ending.DONE:
            _write(Outputs(recipe, place, material, origin, config), checkpoints, listener)
    if mesh.leads:
        place.conclude(result_of(outcome, facts))
    return outcome


def _write(outputs: Outputs, checkpoints: SharedCheckpoints, listener: Listener) -> None:
    if not outputs.there:
        listener(Progressed("export", 0, 1))
        outputs.write(checkpoints.own)
        listener(Progressed("export", 1, 1))


def config_of(recipe: Recipe, origin: Origin | None = None, vocabulary: int | None = None) -> Any:
    """The model's configuration: that of ``origin``, or the preset with what the recipe changes, for the
    tokenizer's vocabulary."""
    config: Any = _preset(recipe, vocabulary) if origin is None else origin.config
    check_rows(recipe.batch.tokens, config)
    return config


def _preset(recipe: Recipe, vocabulary: int | None) -> Any:
    said = recipe.model
    presets = catalog.trainable(said.family).presets
    if said.preset is None or said.preset not in presets:
        raise InvalidArgument(
            f"{said.family} has no preset {said.preset!r}; it has {', '.join(presets)}", field="model.preset"
        )
    preset = presets[said.preset]()
    try:
        return replace(preset, **{"vocab_size": vocabulary or preset.vocab_size, **said.with_})
    except TypeError as error:
        known = ", ".join(preset.__dataclass_fields__)
        raise InvalidArgument(
            f"model.with: {said.family} has the fields {known}", field="model.with"
        ) from error


def _checked(recipe: Recipe) -> tuple[Origin | None, StoredModel | None]:
    """Refuses what cannot be; the model that the run starts from, and its teacher."""
    family = catalog.trainable(recipe.model.family)
    origin = None if recipe.model.from_ is None else Origin.open(Path(recipe.model.from_))
    config = config_of(recipe, origin)
    make_schedule(recipe.schedule, recipe.steps)
    if isinstance(recipe.tuning, AdapterTuning):
        chosen(family.blank(config), recipe.tuning)
    if recipe.model.share is not None:
        recipe.model.share.owners(config.layers)
    return origin, teacher_of(recipe, origin)


def _trained(
    recipe: Recipe, config: Any, material: Material, origin: Origin | None, teacher: StoredModel | None,
    facts: Mapping[str, Json], checkpoints: SharedCheckpoints, listener: Listener, stop: Stop,
) -> Outcome:  # fmt: skip
    family, mesh = catalog.trainable(recipe.model.family), checkpoints.mesh
    learner = Learner.fresh(recipe, family, config, mesh, origin)
    adapter = learner.learns if isinstance(recipe.tuning, AdapterTuning) else None
    peak = measured_peak(mesh.device, recipe.precise.products) * mesh.layout.world
    return Trainer(
        recipe=recipe,
        learner=learner,
        objective=objective_of(recipe, family, teacher, mesh.device),
        loader=material.train,
        validation=material.validation,
        checkpoints=checkpoints,
        listener=listener,
        throughput=Throughput(flops_a_token(config, recipe.batch.tokens, adapter=adapter), peak),
        continues=_continuing(recipe, learner, material),
        before=_before(recipe, learner, family),
        passes=material.passes,
        stop=stop,
        facts=facts,
    ).train()


def objective_of(
    recipe: Recipe, family: Trainable, teacher: StoredModel | None, device: torch.device
) -> Objective[Any]:
    """What is learnt from the run's batches."""
    said = recipe.objective
    if teacher is not None:
        return NextToken(distillation(recipe, teacher, device))
    if isinstance(said, DirectPreferenceSettings):
        return DirectPreference(family.likelihoods, said.beta, said.label_smoothing)
    return NextToken(family.objective)


def _before(recipe: Recipe, learner: Learner, family: Trainable) -> Before[Any]:
    """What the recipe's optimiser wants before a step."""
    if recipe.optimiser.name != "sophia":
        return lambda step, batch: None
    from colonnade.learn.loop.curvature import Curvature  # takes seconds to import, and few runs need it

    optimiser: Any = learner.optimiser
    return Curvature(learner.model, optimiser, family.logits, recipe.precise, recipe.seed, learner.mesh)


def _continuing(recipe: Recipe, learner: Learner, material: Material) -> Callable[[str], str]:
    model: Any = learner.model
    limit = recipe.evaluation.prompt_tokens
    return lambda prompt: continued(
        model, material.tokenizer, material.asked(prompt), limit, material.end_of_text
    )
