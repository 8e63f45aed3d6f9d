"""Every optimiser against its paper's equations, step by step, while the learning rate changes."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colonnade.errors import Unsupported
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser, set_learning_rate
from colonnade.learn.optimisers.sophia import Sophia
from tests.unit.learn.optimisers import references
from tests.unit.learn.optimisers.references import REFERENCES, Array
from tests.unit.learn.optimisers.toy import Toy, give_gradients

STEPS = 12


def arrays(model: nn.Module) -> dict[str, Array]:
    return {name: p.detach().numpy().astype(np.float64) for name, p in model.named_parameters()}


def gradients(model: nn.Module) -> dict[str, Array]:
    return {n: p.grad.numpy().astype(np.float64) for n, p in model.named_parameters() if p.grad is not None}


def flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().float().flatten() for p in model.parameters()])


def decay_of(name: str) -> float:
    return 0.3 if name in ("blocks.0.weight", "blocks.1.weight", "head.weight") else 0.0


def factor(step: int) -> float:
    return min(1.0, (step + 1) / 4) * 0.9**step


def settings(name: str, **options: Any) -> OptimiserSettings:
    return OptimiserSettings.model_validate(
        {"name": name, "learning_rate": 0.02, "weight_decay": 0.3, **options}
    )


@pytest.mark.parametrize("name", sorted(set(REFERENCES) - {"sophia"}))
def test_follows_the_paper_step_by_step(name: str) -> None:
    model = Toy()
    optimiser = make_optimiser(model, settings(name))
    expected = arrays(model)
    memory: dict[str, dict[str, Any]] = {parameter: {} for parameter in expected}
    for step in range(STEPS):
        give_gradients(model, step)
        for parameter, g in gradients(model).items():
            expected[parameter] = REFERENCES[name](
                expected[parameter], g, memory[parameter], step + 1, 0.02 * factor(step), decay_of(parameter)
            )
        set_learning_rate(optimiser, factor(step))
        optimiser.step()
        for parameter, weights in arrays(model).items():
            np.testing.assert_allclose(weights, expected[parameter], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("implementation", ["fused", "foreach", "single"])
def test_every_implementation_of_adamw_is_the_same_to_rounding(implementation: str) -> None:
    model, plain = Toy(1), Toy(1)
    one = make_optimiser(model, settings("adamw", implementation=implementation))
    other = make_optimiser(plain, settings("adamw", implementation="single"))
    for step in range(STEPS):
        for each, optimiser in ((model, one), (plain, other)):
            give_gradients(each, step)
            optimiser.step()
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["adamw", "sgd", "lion", "lamb", "adan", "adafactor", "muon"])
def test_weights_in_half_precision_move_as_others_do(name: str) -> None:
    moved = []
    for dtype in (torch.float32, torch.bfloat16):
        model = Toy(dtype=torch.float32)
        give_gradients(model, 0)
        slopes = [p.grad.to(dtype) for p in model.parameters() if p.grad is not None]
        for parameter, slope in zip(model.to(dtype).parameters(), slopes, strict=True):
            parameter.grad = slope
        before = flat(model)
        make_optimiser(model, settings(name)).step()
        moved.append(flat(model) - before)
    assert moved[0].norm() > 0
    assert torch.dist(moved[0], moved[1]) < 0.2 * moved[0].norm()


def test_no_fused_step_that_leaves_weights_as_they_are() -> None:
    with pytest.raises(Unsupported, match="cpu in bfloat16; set implementation to auto"):
        make_optimiser(Toy(dtype=torch.bfloat16), settings("sgd", implementation="fused"))


def test_sophia_follows_the_paper_with_gauss_newtons_estimate() -> None:
    model = Toy()
    options = settings("sophia", curvature_every=3, curvature_estimate="gauss_newton")
    optimiser = make_optimiser(model, options)
    assert isinstance(optimiser, Sophia)
    slopes = {n: torch.linspace(-3, 3, p.numel()).view_as(p) for n, p in model.named_parameters()}
    expected = arrays(model)
    memory = {n: {"estimate": 8 * slopes[n].double().numpy() ** 2} for n in expected}

    def loss() -> Tensor:
        return torch.stack([(p * slopes[n]).sum() for n, p in model.named_parameters()]).sum()

    for step in range(STEPS):
        give_gradients(model, step)
        before = gradients(model)
        if optimiser.due(step):
            optimiser.update_curvature(step, loss, positions=8)
        np.testing.assert_equal(gradients(model), before)
        for parameter, g in before.items():
            expected[parameter] = references.sophia(
                expected[parameter], g, memory[parameter], step + 1, 0.02 * factor(step), decay_of(parameter)
            )
        set_learning_rate(optimiser, factor(step))
        optimiser.step()
        for parameter, weights in arrays(model).items():
            np.testing.assert_allclose(weights, expected[parameter], rtol=1e-6, atol=1e-9)


def test_muon_turns_hidden_matrices_and_leaves_the_rest_to_adamw() -> None:
    model = Toy(dtype=torch.float32)
    optimiser = make_optimiser(model, settings("muon"))
    memory: dict[str, dict[str, Any]] = {parameter: {} for parameter in arrays(model)}
    hidden = {"blocks.0.weight", "blocks.1.weight"}
    for step in range(STEPS):
        give_gradients(model, step)
        before, slopes = arrays(model), gradients(model)
        optimiser.step()
        for parameter, after in arrays(model).items():
            reference = references.muon if parameter in hidden else references.adamw
            old, decay = before[parameter], decay_of(parameter)
            new = reference(old, slopes[parameter], memory[parameter], step + 1, 0.02, decay)
            moved, expected = after - old, new - old
            assert np.linalg.norm(moved - expected) <= 1e-4 * np.linalg.norm(expected), (step, parameter)


@pytest.mark.parametrize("options", [{}, {"matrix_scale": "original", "nesterov": False}])
def test_muon_is_torchs_up_to_its_rounding_to_bfloat16(options: dict[str, Any]) -> None:
    model, other = (Toy(dtype=torch.float32).blocks for _ in range(2))
    for each in (model, other):
        for name, parameter in each.named_parameters():
            parameter.requires_grad_(name.endswith("weight"))
    mine = make_optimiser(model, settings("muon", **options))
    said = {key: value for key, value in mine.param_groups[0].items() if key not in ("params", "name")}
    said.pop("initial_lr")
    theirs = torch.optim.Muon([p for p in other.parameters() if p.requires_grad], **said)
    for step in range(STEPS):
        before = arrays(model)
        other.load_state_dict(model.state_dict())
        for each, optimiser in ((model, mine), (other, theirs)):
            give_gradients(each, step)
            optimiser.step()
        for name, after in arrays(other).items():
            moved, expected = arrays(model)[name] - before[name], after - before[name]
            assert np.linalg.norm(moved - expected) <= 0.05 * np.linalg.norm(expected), (step, name)
