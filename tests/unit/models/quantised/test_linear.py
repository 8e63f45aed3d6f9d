"""A frozen layer over packed weights: its product, its gradient, and what it keeps."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.models.layers.lora import LoRALinear
from colonnade.models.quantised.layout import pack, unpack
from colonnade.models.quantised.linear import FrozenLinear, frozen_product
from tests.unit.models.quantised.test_quantize import grid, randn


def _layer(bias: bool = True) -> FrozenLinear:
    return FrozenLinear(randn(24, 70), bias_N=randn(24, seed=1) if bias else None)


@pytest.mark.parametrize("bias", [True, False])
def test_is_a_linear_layer_of_the_rounded_weights(bias: bool) -> None:
    layer, x = _layer(bias), randn(2, 5, 70, seed=2).requires_grad_()
    weight = unpack(pack(randn(24, 70), "int4"))
    expected = F.linear(x, weight, layer.bias)
    found = layer(x)
    torch.testing.assert_close(found, expected)
    one, other = (torch.autograd.grad(each.square().sum(), x)[0] for each in (found, expected))
    torch.testing.assert_close(one, other)
    assert layer.in_features == 70
    assert not [each for each in layer.parameters() if each.requires_grad]


def test_weights_on_a_grid_are_kept_exactly() -> None:
    weight = grid(8, 3, seed=1, high=11)
    assert torch.equal(unpack(FrozenLinear(weight).packed), weight)


def test_its_gradient_is_that_of_differences() -> None:
    packed = pack(randn(6, 40), "int4")
    x = randn(3, 40, seed=3).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda each: frozen_product(each, packed), x)


def test_nothing_unpacked_is_kept_for_the_way_back() -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    layer, x = _layer(), randn(5, 70, seed=2).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(x)
    assert kept == []
    assert layer.state_dict().keys() == {"bias"}
    assert sum(each.nbytes for each in layer.buffers()) < 24 * 96 * 0.7


def test_in_whatever_is_asked_of_it() -> None:
    layer, x = _layer(), randn(5, 70, seed=2)
    assert layer(x.bfloat16()).dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    torch.testing.assert_close(found, layer(x.bfloat16()), rtol=0, atol=0)
    assert layer.to(torch.bfloat16).blocks.dtype == torch.uint8
    torch.testing.assert_close(layer(x.bfloat16()).float(), found.float(), rtol=0.02, atol=0.05)


def test_an_adapter_learns_beside_it() -> None:
    torch.manual_seed(0)
    layer, x = LoRALinear(_layer(), 4, 8.0), randn(5, 70, seed=2)
    plain = nn.Linear(70, 24)
    plain.weight, plain.bias = nn.Parameter(unpack(_layer().packed)), nn.Parameter(randn(24, seed=1))
    torch.testing.assert_close(layer(x), plain(x))
    torch.autograd.backward(layer(x).sum())
    assert {name for name, each in layer.named_parameters() if each.requires_grad} == {"down", "up"}
    assert layer.up.grad is not None
    assert layer.up.grad.abs().sum() > 0
