"""State to flat tensors and JSON and back: the next steps are bit-equal, and what does not fit is refused."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from colonnade.errors import InvalidArgument
from colonnade.learn.optimisers import (
    OptimiserSettings,
    flatten,
    make_optimiser,
    restore,
    set_learning_rate,
)
from colonnade.learn.optimisers.settings import NAMES
from colonnade.learn.optimisers.sophia import Sophia
from tests.unit.learn.optimisers.toy import Toy, give_gradients


def advance(model: Toy, optimiser: Optimizer, start: int, steps: int, seed: int) -> None:
    for step in range(start, start + steps):
        give_gradients(model, seed * 1000 + step)
        if isinstance(optimiser, Sophia) and step % 2 == 0:
            optimiser.update_curvature(step, lambda: quartic(model), seed=seed)
        set_learning_rate(optimiser, 0.9**step)
        optimiser.step()


def quartic(model: nn.Module) -> Tensor:
    return torch.stack([(p**4).sum() for p in model.parameters()]).sum()


def names(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters())


def made(name: str, model: nn.Module, **options: Any) -> Optimizer:
    return make_optimiser(
        model, OptimiserSettings.model_validate({"name": name, "learning_rate": 0.01, **options})
    )


@settings(max_examples=40)
@given(
    st.sampled_from(NAMES),
    st.integers(0, 4),
    st.integers(0, 1000),
    st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_restored_from_files_the_next_steps_are_bit_equal(
    name: str, steps: int, seed: int, dtype: torch.dtype
) -> None:
    model = Toy(seed, dtype)
    optimiser = made(name, model)
    advance(model, optimiser, 0, steps, seed)
    tensors, facts = flatten(optimiser, names(model))
    stored, text = save({key: t.clone() for key, t in tensors.items()}), json.dumps(facts)

    other = Toy(seed + 1, dtype)
    other.load_state_dict(model.state_dict())
    again = made(name, other)
    restore(again, names(other), load(stored), json.loads(text))
    for each, its in ((model, optimiser), (other, again)):
        advance(each, its, steps, 3, seed)
    for (key, mine), theirs in zip(names(model).items(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs), key


def test_flat_names_say_which_parameter_and_what() -> None:
    model = Toy()
    optimiser = made("adamw", model)
    advance(model, optimiser, 0, 1, 0)
    tensors, facts = flatten(optimiser, names(model))
    expected = {f"optimiser/{n}/{key}" for n in names(model) for key in ("step", "exp_avg", "exp_avg_sq")}
    assert set(tensors) == expected
    assert [group["name"] for group in facts["groups"]] == ["matrices", "rest"]


def test_what_is_restored_is_a_copy() -> None:
    model = Toy()
    optimiser = made("adamw", model)
    advance(model, optimiser, 0, 1, 0)
    tensors, facts = flatten(optimiser, names(model))
    frozen = {key: t.clone() for key, t in tensors.items()}
    restore(optimiser, names(model), frozen, facts)
    before = {key: t.clone() for key, t in frozen.items()}
    advance(model, optimiser, 1, 1, 0)
    assert all(torch.equal(frozen[key], before[key]) for key in frozen)


def test_load_state_dict_reaches_both_parts_of_muon() -> None:
    model, other = Toy(dtype=torch.float32), Toy(dtype=torch.float32)
    optimiser, again = made("muon", model), made("muon", other)
    advance(model, optimiser, 0, 3, 0)
    other.load_state_dict(model.state_dict())
    again.load_state_dict(deepcopy(optimiser.state_dict()))
    for each, its in ((model, optimiser), (other, again)):
        advance(each, its, 3, 2, 0)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def without_a_tensor(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    del tensors["optimiser/norm.weight/exp_avg"]


def with_an_unknown_tensor(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    tensors["optimiser/norm.weight/exp_big"] = torch.zeros(4)


def with_another_shape(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    tensors["optimiser/norm.weight/exp_avg"] = torch.zeros(5)


def with_another_kind(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    facts["kind"] = "Lion"


def with_another_decay(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    facts["groups"][0]["weight_decay"] = 0.2


def with_other_parameters(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    facts["groups"][1]["parameters"][-1] = "lost.weight"


def with_state_of_another(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    facts["state"]["lost.weight"] = facts["state"].pop("norm.weight")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_a_tensor, r"tensors do not match .* without optimiser/norm.weight/exp_avg;"),
        (with_an_unknown_tensor, r"with optimiser/norm.weight/exp_big;"),
        (with_another_shape, r"optimiser/norm.weight/exp_avg has shape \[5\], the parameter \[4\]"),
        (with_another_kind, r"kind is 'AdamW' here and 'Lion' in what is restored"),
        (with_another_decay, r"weight_decay of group 0 is 0.1 here and 0.2"),
        (
            with_other_parameters,
            r"group 1's parameters do not match .* without lost.weight and with norm.weight",
        ),
        (with_state_of_another, r"parameters with state do not match .* without lost.weight"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(
    spoil: Callable[[dict[str, Tensor], dict[str, Any]], None], words: str
) -> None:
    model = Toy()
    optimiser = made("adamw", model)
    advance(model, optimiser, 0, 1, 0)
    tensors, facts = flatten(optimiser, names(model))
    tensors, facts = {key: t.clone() for key, t in tensors.items()}, json.loads(json.dumps(facts))
    spoil(tensors, facts)
    fresh = made("adamw", model)
    with pytest.raises(InvalidArgument, match=words):
        restore(fresh, names(model), tensors, facts)
    assert not fresh.state
