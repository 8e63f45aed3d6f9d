"""What a recipe may say of its optimiser, and how parameters are grouped."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from colonnade.errors import InvalidArgument
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser, set_learning_rate
from colonnade.learn.optimisers.settings import NAMES, OPTIONS
from tests.unit.learn.optimisers.toy import Toy


class Recipe(BaseModel):
    optimiser: OptimiserSettings


def read(**options: Any) -> OptimiserSettings:
    return Recipe.model_validate({"optimiser": {"learning_rate": 0.1, **options}}).optimiser


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_filled_in_and_survive_a_round_trip(name: str) -> None:
    settings = read(name=name)
    assert all(getattr(settings, option) == value for option, value in OPTIONS[settings.name].items())
    assert OptimiserSettings.model_validate_json(settings.model_dump_json()) == settings
    assert make_optimiser(Toy(), settings).param_groups[0]["initial_lr"] == 0.1


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": "adamw", "momentum": 0.9}, "momentum"),
        ({"name": "sgd", "betas": [0.9, 0.99]}, "betas"),
        ({"name": "adan", "betas": [0.9, 0.99]}, "betas"),
        ({"name": "adamw", "betas": [0.9, 1.0]}, "betas"),
        ({"name": "sgd", "nesterov": True, "momentum": 0.0}, "nesterov"),
        ({"name": "lion", "hidden_learning_rate": 0.02}, "hidden_learning_rate"),
        ({"name": "adamw", "curvature_every": 5}, "curvature_every"),
        ({"name": "lion", "implementation": "fused"}, "implementation"),
        ({"name": "adamw", "learning_rate": 0.0}, "learning_rate"),
        ({"name": "adamw", "learning_rate": float("inf")}, "learning_rate"),
        ({"name": "adamw", "learning_rate": "0.1"}, "learning_rate"),
        ({"name": "adamw", "weight_decay": -0.1}, "weight_decay"),
        ({"name": "adamw", "lr": 0.1}, "lr"),
        ({"name": "adamx"}, "name"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(**options)
    assert refused.value.errors()[0]["loc"][:2] == ("optimiser", field)


def grouped(name: str, **options: Any) -> dict[str, tuple[float, set[str]]]:
    model = Toy()
    called = {id(p): n for n, p in model.named_parameters()}
    groups = make_optimiser(model, read(name=name, weight_decay=0.5, **options)).param_groups
    return {g["name"]: (g["weight_decay"], {called[id(p)] for p in g["params"]}) for g in groups}


def test_matrices_decay_and_nothing_else() -> None:
    plain = {"embedding.weight", "blocks.0.bias", "blocks.1.bias", "norm.weight"}
    matrices = {"blocks.0.weight", "blocks.1.weight", "head.weight"}
    assert grouped("adamw") == {"matrices": (0.5, matrices), "rest": (0.0, plain)}
    assert grouped("adamw", decay_embeddings=True) == {
        "matrices": (0.5, matrices | {"embedding.weight"}),
        "rest": (0.0, plain - {"embedding.weight"}),
    }


def test_muon_takes_the_matrices_of_the_blocks() -> None:
    assert grouped("muon")["hidden"] == (0.5, {"blocks.0.weight", "blocks.1.weight"})
    assert grouped("muon")["matrices"] == (0.5, {"head.weight"})


def test_hidden_matrices_may_have_a_rate_of_their_own_and_all_follow_the_schedule() -> None:
    optimiser = make_optimiser(Toy(), read(name="muon", hidden_learning_rate=0.4))
    set_learning_rate(optimiser, 0.5)
    assert {group["name"]: group["lr"] for group in optimiser.param_groups} == {
        "hidden": 0.2,
        "matrices": 0.05,
        "rest": 0.05,
    }


def test_frozen_parameters_are_left_out_and_a_model_of_nothing_else_refused() -> None:
    model = Toy()
    model.embedding.requires_grad_(False)
    names = {id(p) for g in make_optimiser(model, read(name="sgd")).param_groups for p in g["params"]}
    assert id(model.embedding.weight) not in names
    with pytest.raises(InvalidArgument, match="no trainable parameter"):
        make_optimiser(model.requires_grad_(False), read(name="sgd"))
