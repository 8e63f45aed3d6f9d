"""The moving average of weights: its closed form, the swap, and its state."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn

from colonnade.errors import InvalidArgument
from colonnade.learn.averages import Average


def set_weights(model: nn.Module, value: float) -> None:
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.fill_(value * (number + 1))


def weights(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


@given(st.floats(0, 0.9999), st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20))
def test_it_is_the_weighted_mean_of_all_weights_so_far(decay: float, values: list[float]) -> None:
    model = nn.Linear(2, 1)
    set_weights(model, 123.0)  # no trace of where it began may be left
    average = Average(model, decay)
    for value in values:
        set_weights(model, value)
        average.update()
    shares = [decay ** (len(values) - 1 - i) for i in range(len(values))]
    expected = sum(s * v for s, v in zip(shares, values, strict=True)) / sum(shares)
    with average.applied():
        assert model.weight.tolist() == [[pytest.approx(expected, rel=1e-4, abs=1e-4)] * 2]
        assert model.bias.tolist() == [pytest.approx(2 * expected, rel=1e-4, abs=1e-4)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_models_own_weights_come_back_bit_equal_even_after_an_error(dtype: torch.dtype) -> None:
    model = nn.Linear(3, 3).to(dtype)
    average = Average(model, 0.5)
    average.update()
    with torch.no_grad():
        model.weight.mul_(1.1)
    own = weights(model)

    def evaluate() -> None:
        with average.applied():
            assert not torch.equal(model.weight, own[0])
            raise RuntimeError("evaluation failed")

    with pytest.raises(RuntimeError, match="evaluation failed"):
        evaluate()
    assert all(torch.equal(a, b) for a, b in zip(own, weights(model), strict=True))


def test_small_changes_of_bfloat16_weights_are_not_lost() -> None:
    model = nn.Linear(1, 1, bias=False).bfloat16()
    average = Average(model, 0.999)
    for value in [1.0] * 300 + [2.0] * 300:
        set_weights(model, value)
        average.update()
    tensors, _ = average.flatten()
    early, late = 0.999**300, 1.0
    expected = (early * 1 + late * 2) / (early + late)
    assert tensors["average/weight"].item() == pytest.approx(expected, rel=1e-4)


def test_restored_from_files_it_goes_on_bit_equal() -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    first = Average(model, 0.9)
    for value in (1.0, 0.3, 0.7):
        set_weights(model, value)
        first.update()
    tensors, facts = first.flatten()
    again = Average(other, 0.9)
    again.restore(load(save({k: t.clone() for k, t in tensors.items()})), json.loads(json.dumps(facts)))
    for each, average in ((model, first), (other, again)):
        set_weights(each, 0.11)
        average.update()
    assert all(torch.equal(first.flatten()[0][name], t) for name, t in again.flatten()[0].items())


def test_what_does_not_fit_is_refused_by_name() -> None:
    tensors, facts = Average(nn.Linear(3, 2), 0.9).flatten()
    with pytest.raises(InvalidArgument, match=r"weight is of shape \[4, 3\] .* of shape \[2, 3\]"):
        Average(nn.Linear(3, 4), 0.9).restore({**tensors, "average/bias": torch.zeros(4)}, facts)
    with pytest.raises(InvalidArgument, match="bias is missing in the model"):
        Average(nn.Linear(3, 2, bias=False), 0.9).restore(tensors, facts)


def test_frozen_weights_are_not_averaged() -> None:
    model = nn.Linear(3, 2)
    model.weight.requires_grad_(False)
    assert Average(model, 0.9).flatten()[0].keys() == {"average/bias"}


@pytest.mark.parametrize("decay", [1.0, -0.1, 2.0])
def test_a_decay_that_cannot_be_is_refused(decay: float) -> None:
    with pytest.raises(InvalidArgument, match="at least 0 and below 1"):
        Average(nn.Linear(1, 1), decay)
