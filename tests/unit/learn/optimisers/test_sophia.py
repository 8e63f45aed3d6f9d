"""Sophia's estimates of the Hessian's diagonal, and how a loop gets them."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.errors import InvalidArgument
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser
from colonnade.learn.optimisers.sophia import Sophia, draw_targets, generator
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.presets import debug


def sophia(model: nn.Module, estimate: str) -> Sophia:
    made = make_optimiser(
        model,
        OptimiserSettings.model_validate(
            {
                "name": "sophia",
                "learning_rate": 1e-3,
                "betas": (0.9, 0.0),
                "curvature_scale": 1.0,
                "curvature_estimate": estimate,
            }
        ),
    )
    assert isinstance(made, Sophia)
    return made


def estimated(optimiser: Sophia, parameter: Tensor) -> Tensor:
    """The estimate alone: the second beta is 0, so nothing is kept of the one before."""
    moment: Tensor = optimiser.state[parameter]["hessian_moment"]
    return moment.clone()


def test_hutchinson_finds_the_diagonal_of_a_quadratic() -> None:
    model = nn.Linear(3, 2, bias=False).double()
    optimiser = sophia(model, "hutchinson")
    curvature = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)
    total = torch.zeros_like(curvature)
    for step in range(500):
        optimiser.update_curvature(step, lambda: (curvature * model.weight**2).sum() / 2, seed=7)
        total += estimated(optimiser, model.weight)
    torch.testing.assert_close(total / 500, curvature, rtol=0.25, atol=0.0)


def test_what_is_drawn_depends_on_seed_and_step_alone() -> None:
    model = nn.Linear(3, 2, bias=False)
    optimiser = sophia(model, "hutchinson")

    def draw(step: int, seed: int) -> Tensor:
        torch.rand(1)  # the global state moves on and must not matter
        optimiser.update_curvature(step, lambda: (model.weight**2).sum(), seed=seed)
        return estimated(optimiser, model.weight)

    first = draw(3, 5)
    assert torch.equal(first, draw(3, 5))
    assert not torch.equal(first, draw(4, 5))
    assert not torch.equal(first, draw(3, 6))


def cross_entropy(model: Transformer, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
    return F.cross_entropy(model.forward_full(tokens_BT).mT, targets_BT)


def test_both_estimates_work_on_a_transformer_and_lower_its_loss() -> None:
    tokens = torch.randint(0, 97, (4, 33), generator=torch.Generator().manual_seed(0))
    for estimate in ("hutchinson", "gauss_newton"):
        torch.manual_seed(0)
        model = Transformer(debug())
        optimiser = sophia(model, estimate)
        losses = []
        for step in range(12):
            optimiser.zero_grad()
            logits = model.forward_full(tokens[:, :-1])
            loss = F.cross_entropy(logits.mT, tokens[:, 1:])
            torch.autograd.backward(loss)
            losses.append(loss.item())
            if optimiser.due(step):
                targets = tokens[:, 1:]
                if optimiser.draws:
                    targets = draw_targets(logits, generator(0, step, logits.device))
                again = partial(cross_entropy, model, tokens[:, :-1], targets)
                optimiser.update_curvature(step, again, positions=targets.numel())
            optimiser.step()
        assert losses[-1] < losses[0] - 0.1, estimate
        assert all(set(s) == {"momentum", "hessian_moment"} for s in optimiser.state.values())


def test_gauss_newton_says_that_it_needs_the_number_of_positions() -> None:
    model = nn.Linear(3, 2)
    with pytest.raises(InvalidArgument, match="needs positions"):
        sophia(model, "gauss_newton").update_curvature(0, lambda: model.weight.sum())


def test_targets_are_drawn_from_the_models_distribution() -> None:
    logits = torch.tensor([0.1, 0.2, 0.7]).log().expand(50, 400, 3)
    drawn = draw_targets(logits, torch.Generator().manual_seed(0))
    assert drawn.shape == (50, 400)
    shares = torch.bincount(drawn.flatten(), minlength=3) / drawn.numel()
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.2, 0.7]), rtol=0.0, atol=0.02)


def test_a_step_before_any_estimate_is_a_clipped_one() -> None:
    model = nn.Linear(3, 2, bias=False)
    optimiser = sophia(model, "hutchinson")
    before = model.weight.detach().clone()
    model.weight.grad = torch.ones_like(model.weight)
    optimiser.step()
    # Decay (0.1) and the clip at 1, both times the learning rate of 0.001.
    torch.testing.assert_close(model.weight.detach(), before * (1 - 1e-4) - 1e-3)


def test_a_parameter_beside_the_loss_has_no_curvature() -> None:
    model = nn.ModuleList([nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False)])
    used, unused = model.parameters()
    for estimate in ("hutchinson", "gauss_newton"):
        optimiser = sophia(model, estimate)
        optimiser.update_curvature(0, lambda: (used**2).sum(), positions=1)
        assert not estimated(optimiser, unused).any()
        assert estimated(optimiser, used).all()
