"""Low-rank adaptation against its equation."""

import pytest
import torch
from torch import Tensor, nn

from colonnade.models.layers.lora import LoRALinear, LowRank, add_to, added_to, scale_of


def test_adds_the_scaled_product() -> None:
    x, down, up = torch.randn(5, 8), torch.randn(3, 8), torch.randn(6, 3)
    assert scale_of(6.0, 3) == 2.0
    part = LowRank(down, 2.0 * up.T)
    torch.testing.assert_close(part(x), 2.0 * (x @ down.T) @ up.T)
    torch.testing.assert_close(part(x), x @ part.dense().T)
    assert part.rank == 3
    assert part.nbytes == 4 * (3 * 8 + 6 * 3)


@pytest.mark.parametrize(("stabilised", "scale"), [(False, 0.5), (True, 2.0)])
def test_scale_by_rank_or_by_its_root(stabilised: bool, scale: float) -> None:
    assert scale_of(8.0, 16, rank_stabilised=stabilised) == scale


def test_training_starts_at_the_base_and_learns_only_the_low_rank_part() -> None:
    base = nn.Linear(8, 6)
    layer, x, target = LoRALinear(base, 2, 4.0), torch.randn(16, 8), torch.randn(16, 6)
    torch.testing.assert_close(layer(x), base(x), rtol=0, atol=0)
    before = base.weight.clone()
    trained = [parameter for parameter in layer.parameters() if parameter.requires_grad]
    assert {id(each) for each in trained} == {id(layer.down), id(layer.up)}
    optimiser, losses = torch.optim.Adam(trained, lr=0.05), []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (layer(x) - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    torch.testing.assert_close(base.weight, before, rtol=0, atol=0)
    torch.testing.assert_close(base(x) + layer.low_rank()(x), layer(x))


def test_what_is_added_to_a_layer_is_asked_of_it() -> None:
    layer = nn.Linear(2, 2)
    assert added_to(layer) is None
    add_to(layer, _copy)
    add = added_to(layer)
    assert add is not None
    x, y = torch.ones(1, 2), torch.zeros(1, 2)
    add(x, y)
    torch.testing.assert_close(y, x)
    assert list(layer.state_dict()) == ["weight", "bias"]
    add_to(layer, None)
    assert added_to(layer) is None


def _copy(x: Tensor, y: Tensor) -> None:
    y += x
