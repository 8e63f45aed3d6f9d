"""What changes with every step of a run, and is kept in its checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from colonnade.learn.averages import Average
from colonnade.learn.checkpoints import (
    Json,
    Snapshot,
    capture_random,
    elsewhere,
    machine,
    restore_random,
)
from colonnade.learn.health import Health
from colonnade.learn.mesh.parts import part_like
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.optimisers.make import make_optimiser
from colonnade.learn.optimisers.state import flatten, restore
from colonnade.learn.recipe import Recipe
from colonnade.learn.scaling import LossScaler
from colonnade.learn.tuning.beginning import beginning
from colonnade.learn.tuning.origin import Origin
from colonnade.models.training import Trainable
from colonnade.models.weights import check_names

_MODEL = "model/"


@dataclass
class Learner:
    """A model and everything that its next step depends on, beside the data."""

    model: nn.Module
    optimiser: Optimizer
    health: Health
    scaler: LossScaler | None
    average: Average | None
    mesh: ScalableMesh

    @classmethod
    def fresh(
        cls,
        recipe: Recipe,
        family: Trainable,
        config: Any,
        mesh: ScalableMesh,
        origin: Origin | None = None,
    ) -> "Learner":
        """With the weights of ``origin``, or first ones drawn by the recipe's seed, as an adapter's are; the
        same in every process."""
        torch.manual_seed(recipe.seed)
        dtype = recipe.precise.weights
        model = beginning(recipe, family, config, origin).to(dtype).train()
        for stack in family.stacks:
            setattr(model.get_submodule(stack), "recompute", recipe.batch.recompute)  # noqa: B010 - mypy
            if recipe.precision.compile:  # block by block: one program for all of them, quickly made
                for layer in model.get_submodule(stack).children():
                    layer.compile()
        mesh.spread(model, family)
        return cls(
            model,
            make_optimiser(model, recipe.optimiser),
            Health(recipe.health),
            LossScaler(recipe.precision.scaling) if recipe.precise.scales else None,
            None if recipe.average is None else Average(model, recipe.average),
            mesh,
        )

    @property
    def learns(self) -> int:
        """How many parameters learn."""
        return sum(each.numel() for each in self.model.parameters() if each.requires_grad)

    def snapshot(self, step: int, epoch: float, facts: Mapping[str, Json]) -> Snapshot:
        """Between two steps; ``step`` are done."""
        tensors, optimiser = flatten(self.optimiser, self._parameters())
        tensors |= {_MODEL + name: value for name, value in self._kept().items()}
        said = dict(facts) | {"optimiser": optimiser, "health": self.health.facts(), "machine": self._here()}
        if self.scaler:
            said["scaler"] = self.scaler.facts()
        if self.average:
            averages, said["average"] = self.average.flatten()
            tensors |= averages
        return Snapshot(step, epoch, tensors, said | {"random": capture_random()})

    def restore(self, snapshot: Snapshot) -> list[str]:
        """Goes back to a snapshot; what differs of the machine, in sentences: then the run goes on, but not
        bit by bit as it would have."""
        facts = snapshot.facts
        found = snapshot.group("model")
        check_names(set(found), set(self._kept()))
        self.model.load_state_dict(found, strict=False)
        restore(self.optimiser, self._parameters(), snapshot.tensors, facts["optimiser"])
        self.health.restore(facts["health"])
        if self.scaler:
            self.scaler.restore(facts["scaler"])
        if self.average:
            self.average.restore(snapshot.tensors, facts["average"])
        restore_random(facts["random"])
        return elsewhere(facts["machine"], self._here())

    def part_of(self, name: str, whole: Tensor) -> Tensor:
        """What this process keeps of a tensor of a snapshot."""
        parameters = self._parameters()
        _, _, own = name.partition("/")
        parameter = parameters.get(own, parameters.get(own.rpartition("/")[0]))  # an optimiser's has a key
        return whole if parameter is None else part_like(parameter, whole)

    def _here(self) -> dict[str, Json]:
        return {**machine(), "processes": str(self.mesh.layout)}

    def _kept(self) -> dict[str, Tensor]:
        """What a checkpoint has of the model: frozen weights are in the folder that the run began from."""
        frozen = {name for name, each in self.model.named_parameters() if not each.requires_grad}
        return {name: value for name, value in self.model.state_dict().items() if name not in frozen}

    def _parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.model.named_parameters())
