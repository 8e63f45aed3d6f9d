"""The chunked loss equals torch's own, in value, gradients and counts, whatever a chunk holds."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.models.layers import cross_entropy
from colonnade.models.layers.cross_entropy import linear_cross_entropy

IGNORE = -100


def _case(
    positions: int, width: int, vocabulary: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    x_ND = torch.randn(positions, width, generator=chance, dtype=torch.float64)
    weight_VD = torch.randn(vocabulary, width, generator=chance, dtype=torch.float64)
    targets_N = torch.randint(0, vocabulary, (positions,), generator=chance)
    targets_N[torch.rand(positions, generator=chance) < 0.3] = IGNORE
    return x_ND.requires_grad_(), weight_VD.requires_grad_(), targets_N


@settings(deadline=None, max_examples=40)
@given(
    positions=st.integers(1, 40),
    width=st.integers(1, 9),
    vocabulary=st.integers(1, 30),
    rows=st.integers(1, 50),
    seed=st.integers(0, 99),
)
def test_equals_the_whole(positions: int, width: int, vocabulary: int, rows: int, seed: int) -> None:
    x_ND, weight_VD, targets_N = _case(positions, width, vocabulary, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_entropy, "CHUNK_BYTES", rows * vocabulary * 4)
        scored = linear_cross_entropy(x_ND, weight_VD, targets_N, measure=True)
        gradients = torch.autograd.grad(scored.nll * 3, (x_ND, weight_VD))
    logits_NV = x_ND @ weight_VD.T
    expected = F.cross_entropy(logits_NV, targets_N, ignore_index=IGNORE, reduction="sum")
    assert scored.targets == (targets_N != IGNORE).sum()
    torch.testing.assert_close(scored.nll.double(), expected, rtol=1e-5, atol=1e-5)
    for found, wanted in zip(gradients, torch.autograd.grad(expected * 3, (x_ND, weight_VD)), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    best_NK = logits_NV.topk(min(5, vocabulary)).indices
    hits_NK = best_NK == targets_N[:, None]
    assert scored.top1 == hits_NK[:, :1].sum()
    assert scored.top5 == hits_NK.sum()


def test_nothing_to_learn_is_a_loss_of_zero() -> None:
    x_ND, weight_VD, targets_N = _case(5, 3, 7, 1)
    scored = linear_cross_entropy(x_ND, weight_VD, torch.full_like(targets_N, IGNORE))
    assert scored.nll == 0
    assert scored.targets == 0
    assert all(not each.any() for each in torch.autograd.grad(scored.nll, (x_ND, weight_VD)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    x_ND, weight_VD, targets_N = _case(400, 8, 50, 2)
    low = linear_cross_entropy(x_ND.to(dtype), weight_VD.float(), targets_N)
    high = linear_cross_entropy(x_ND.to(dtype).double(), weight_VD.to(dtype).double(), targets_N)
    assert low.nll.dtype == torch.float32
    torch.testing.assert_close(low.nll, high.nll, rtol=4e-3, atol=0)


def test_a_second_backward_pass_is_refused() -> None:
    """The first one has scaled the gradients where they lie."""
    x_ND, weight_VD, targets_N = _case(6, 3, 7, 3)
    nll = linear_cross_entropy(x_ND, weight_VD, targets_N).nll
    torch.autograd.backward(nll, retain_graph=True)
    with pytest.raises(RuntimeError, match="compute the loss again"):
        torch.autograd.backward(nll)


def test_only_what_learns_gets_a_gradient() -> None:
    x_ND, weight_VD, targets_N = _case(6, 3, 7, 3)
    frozen_VD = weight_VD.detach()
    (gradient_ND,) = torch.autograd.grad(linear_cross_entropy(x_ND, frozen_VD, targets_N).nll, x_ND)
    assert gradient_ND.any()
    with torch.no_grad():
        assert not linear_cross_entropy(x_ND, weight_VD, targets_N).nll.requires_grad
