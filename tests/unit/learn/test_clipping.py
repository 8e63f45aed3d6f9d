"""Clipping, and the norms that are reported of what was there before."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from colonnade.learn.clipping import ClippingSettings, clip


def parameters(seed: int, size: float = 1.0) -> dict[str, list[Tensor]]:
    random = torch.Generator().manual_seed(seed)
    groups: dict[str, list[Tensor]] = {}
    for name, shape in (("a", (4, 3)), ("a", (4,)), ("b", (2, 5))):
        parameter = nn.Parameter(torch.randn(shape, generator=random))
        parameter.grad = torch.randn(shape, generator=random) * size
        groups.setdefault(name, []).append(parameter)
    return groups


def gradients(groups: dict[str, list[Tensor]]) -> list[Tensor]:
    return [p.grad.clone() for group in groups.values() for p in group if p.grad is not None]


def settings(**fields: Any) -> ClippingSettings:
    return ClippingSettings.model_validate(fields)


@trying(max_examples=50)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
def test_the_global_norm_is_at_most_the_limit_and_directions_stay(
    seed: int, size: float, limit: float
) -> None:
    groups = parameters(seed, size)
    before = gradients(groups)
    norms = clip(groups, settings(limit=limit))
    flat = torch.cat([g.flatten() for g in before])
    assert norms.total == pytest.approx(float(flat.norm()), rel=1e-4)
    assert norms.groups["b"] == pytest.approx(float(before[2].norm()), rel=1e-4)
    share = min(1.0, limit / (norms.total + 1e-6))
    for old, new in zip(before, gradients(groups), strict=True):
        torch.testing.assert_close(new, old * share, rtol=1e-4, atol=1e-7)


def test_values_are_bounded_one_by_one() -> None:
    groups = parameters(0, 5.0)
    before = gradients(groups)
    clip(groups, settings(kind="value", limit=0.5))
    assert all(torch.equal(n, o.clamp(-0.5, 0.5)) for o, n in zip(before, gradients(groups), strict=True))


def test_adaptive_bounds_each_unit_by_its_weights() -> None:
    groups = parameters(0, 5.0)
    small = parameters(0, 1e-6)
    untouched = gradients(small)
    clip(small, settings(kind="adaptive", limit=0.1))
    assert all(torch.equal(a, b) for a, b in zip(untouched, gradients(small), strict=True))
    clip(groups, settings(kind="adaptive", limit=0.1))
    matrix = groups["b"][0]
    assert matrix.grad is not None
    torch.testing.assert_close(matrix.grad.norm(dim=1), 0.1 * matrix.detach().norm(dim=1))
    bias = groups["a"][1]
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad.norm(), 0.1 * bias.detach().norm())


def test_none_only_measures_and_what_has_no_gradient_counts_nothing() -> None:
    groups = parameters(0)
    groups["b"][0].grad = None
    before = gradients(groups)
    norms = clip(groups, settings(kind="none"))
    assert all(torch.equal(a, b) for a, b in zip(before, gradients(groups), strict=True))
    assert norms.groups.keys() == {"a"}
    assert norms.total == pytest.approx(norms.groups["a"])
    assert clip({"frozen": []}, settings()).total == 0.0


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_what_is_not_finite_shows_in_its_group(wrong: float) -> None:
    groups = parameters(0)
    groups["b"][0].grad = torch.full((2, 5), wrong)
    norms = clip(groups, settings(kind="none"))
    found = torch.tensor([norms.total, norms.groups["b"], norms.groups["a"]]).isfinite()
    assert found.tolist() == [False, False, True]


@pytest.mark.parametrize("fields", [{"kind": "none", "limit": 1.0}, {"kind": "value"}, {"limit": 0.0}])
def test_limits_that_cannot_be_are_refused_at_the_field(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**fields)
    assert refused.value.errors()[0]["loc"] == ("limit",)
