"""A mixture of experts: exact where it must be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.models.layers.feed_forward import SwiGLU
from colonnade.models.layers.mixture import Experts, Mixture, Router, violation

WIDTH, HIDDEN, EXPERTS = 16, 24, 6


def mixture(choices: int = 2, experts: int = EXPERTS) -> Mixture:
    torch.manual_seed(0)
    made = Mixture(WIDTH, HIDDEN, experts, choices)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.3)
    return made


def stream(tokens: int = 40) -> Tensor:
    return torch.randn(tokens, WIDTH, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("choices", [1, 3, EXPERTS])
def test_identical_experts_are_a_dense_layer(choices: int) -> None:
    mixed, dense = mixture(choices), SwiGLU(WIDTH, HIDDEN)
    with torch.no_grad():
        for name in ("gate", "up", "down"):
            weights = getattr(mixed.experts, name)
            weights.copy_(getattr(dense, name).weight.T.expand_as(weights))
    torch.testing.assert_close(mixed(stream()), dense(stream()), rtol=1e-5, atol=1e-6)


def test_permuting_experts_with_the_router_changes_nothing() -> None:
    mixed, other = mixture(), mixture()
    order = torch.randperm(EXPERTS, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        other.router.weight.copy_(mixed.router.weight[order])
        for name in ("gate", "up", "down"):
            getattr(other.experts, name).copy_(getattr(mixed.experts, name)[order])
    torch.testing.assert_close(other(stream()), mixed(stream()), rtol=1e-5, atol=1e-6)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_the_grouped_product_is_the_loop_also_where_an_expert_has_nothing(loads: list[int]) -> None:
    torch.manual_seed(0)
    experts = Experts(WIDTH, HIDDEN, len(loads))
    x_SD, ends = torch.randn(sum(loads), WIDTH), torch.tensor(loads).cumsum(0).int()
    grouped, plain = experts(x_SD, ends), experts.plainly(x_SD, ends)
    torch.testing.assert_close(grouped, plain, rtol=1e-5, atol=1e-7)
    weights = list(experts.parameters())
    found = torch.autograd.grad(grouped.square().sum(), weights)
    expected = torch.autograd.grad(plain.square().sum(), weights)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_every_token_has_its_own_experts_weighted() -> None:
    """By the definition, token by token."""
    mixed, x_ND = mixture(), stream(7)
    out, routed = mixed(x_ND), mixed.router(x_ND)
    for token, x in enumerate(x_ND):
        expected = torch.zeros(WIDTH)
        for expert, weight in zip(routed.experts_Nk[token], routed.weights_Nk[token], strict=True):
            ends = (torch.arange(EXPERTS) >= expert).int()
            expected = expected + weight * mixed.experts.plainly(x[None], ends)[0]
        torch.testing.assert_close(out[token], expected, rtol=1e-5, atol=1e-6)
    assert float((routed.weights_Nk.detach().sum(-1) - 1).abs().max()) < 1e-6


def test_a_token_does_not_depend_on_the_others_of_its_batch() -> None:
    mixed, x_ND = mixture(), stream()
    whole = mixed(x_ND)
    for kept in (slice(0, 1), slice(5, 20)):
        torch.testing.assert_close(mixed(x_ND[kept]), whole[kept], rtol=1e-5, atol=1e-6)
    rows = mixed(x_ND.view(4, 10, WIDTH))
    torch.testing.assert_close(rows.flatten(0, 1), whole, rtol=1e-5, atol=1e-6)


def test_the_bias_changes_who_is_selected_and_never_the_weights() -> None:
    router, x_ND = mixture().router, stream()
    before = router(x_ND)
    router.bias += 0.25  # of all alike: nothing is selected otherwise
    even = router(x_ND)
    assert torch.equal(even.experts_Nk, before.experts_Nk)
    torch.testing.assert_close(even.weights_Nk, before.weights_Nk, rtol=0, atol=0)
    router.bias[4] += 10.0
    after = router(x_ND)
    assert bool((after.experts_Nk == 4).any(-1).all())
    shares = torch.nn.functional.linear(x_ND, router.weight).softmax(-1)
    chosen = shares.gather(1, after.experts_Nk)
    torch.testing.assert_close(after.weights_Nk, chosen / chosen.sum(-1, keepdim=True))


def test_rebalancing_evens_the_loads() -> None:
    torch.manual_seed(0)
    router = Router(WIDTH, EXPERTS, 1)
    with torch.no_grad():
        router.weight.normal_(std=0.5)
        router.weight[0] += 0.5 * torch.ones(WIDTH)  # a favourite
    x_ND = torch.randn(4000, WIDTH) + 0.3
    router(x_ND)
    before = violation(router.loads)
    for _ in range(150):
        router.rebalance(0.01)
        router(x_ND)
    assert violation(router.loads) < min(0.15, before / 5)


def test_the_balance_is_one_where_loads_are_even_and_more_where_one_expert_has_all() -> None:
    router = Router(WIDTH, EXPERTS, 1).eval()
    with torch.no_grad():
        router.weight.zero_()
    assert float(router(stream()).balance.detach()) == pytest.approx(1.0)
    with torch.no_grad():
        router.weight[2] = 1.0
    assert float(router(torch.ones(9, WIDTH)).balance.detach()) == pytest.approx(EXPERTS, rel=1e-3)
    assert float(router.loads.sum()) == 0  # nothing is counted where nothing is learnt


def test_gradients_reach_router_and_experts() -> None:
    mixed = mixture()
    out = mixed(stream())
    assert mixed.balance is not None
    torch.autograd.backward(out.square().mean() + 0.01 * mixed.balance)
    for name, parameter in mixed.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_one_batch_can_be_learnt_by_heart() -> None:
    mixed, x_ND = mixture(), stream(16)
    target = torch.randn(16, WIDTH, generator=torch.Generator().manual_seed(8))
    optimiser = torch.optim.AdamW(mixed.parameters(), lr=3e-2)
    for _ in range(80):
        loss = (mixed(x_ND) - target).square().mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    assert float(loss.detach()) < 0.01


@pytest.mark.parametrize(("loads", "expected"), [([1, 1, 1], 0.0), ([3, 0, 0], 2.0), ([0, 0], 0.0)])
def test_violation_is_how_far_the_busiest_is_above_the_mean(loads: list[int], expected: float) -> None:
    assert violation(torch.tensor(loads)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("choices", "parts", "field"), [(0, 1, "choices"), (7, 1, "choices"), (2, 4, "experts")]
)
def test_what_cannot_be_is_refused(choices: int, parts: int, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Mixture(WIDTH, HIDDEN, EXPERTS, choices, parts=parts)
    assert refused.value.details["field"] == field
