"""Experts that are divided over processes compute and learn what they do in one."""

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from colonnade.learn.experts import AllToAll
from colonnade.models.layers.mixture import Mixture
from tests.unit.learn.together import together

WIDTH, HIDDEN, EXPERTS, CHOICES, TOKENS = 12, 20, 12, 2, 24
Found = tuple[Tensor, Tensor, dict[str, Tensor]]


def _weights(bias: float) -> dict[str, Tensor]:
    torch.manual_seed(0)
    whole = Mixture(WIDTH, HIDDEN, EXPERTS, CHOICES)
    weights = {name: torch.randn(value.shape) * 0.3 for name, value in whole.state_dict().items()}
    weights["router.bias"] = torch.zeros(EXPERTS)
    weights["router.bias"][0] = bias  # above 1, all tokens choose it: others are idle
    return weights


def _stream() -> Tensor:
    return torch.randn(TOKENS, WIDTH, generator=torch.Generator().manual_seed(5))


def _learnt(mixed: Mixture, x_ND: Tensor) -> Found:
    x_ND = x_ND.clone().requires_grad_()
    out = mixed(x_ND)
    torch.autograd.backward(out.square().sum())
    gradients = {name: each.grad for name, each in mixed.named_parameters() if each.grad is not None}
    assert x_ND.grad is not None
    return out.detach(), x_ND.grad, gradients


def _whole(bias: float) -> Found:
    mixed = Mixture(WIDTH, HIDDEN, EXPERTS, CHOICES)
    mixed.load_state_dict(_weights(bias))
    return _learnt(mixed, _stream())


def _divided(bias: float) -> Found:
    """This process's rows and experts."""
    rank, processes = dist.get_rank(), dist.get_world_size()
    mixed = Mixture(WIDTH, HIDDEN, EXPERTS, CHOICES, exchange=AllToAll(), parts=processes)
    own = slice(rank * EXPERTS // processes, (rank + 1) * EXPERTS // processes)
    weights = _weights(bias).items()
    mixed.load_state_dict(
        {name: value[own] if name.startswith("experts.") else value for name, value in weights}
    )
    share = TOKENS // processes
    out, gradient, gradients = _learnt(mixed, _stream()[rank * share : (rank + 1) * share])
    dist.all_reduce(gradients["router.weight"])
    return out, gradient, gradients


def _both(biases: list[float]) -> list[Found]:
    return [_divided(bias) for bias in biases]


def _equal_one_process(processes: int) -> None:
    biases = [0.0, 10.0]
    by_rank = together(processes, _both, biases)
    for place, bias in enumerate(biases):
        out, gradient, gradients = _whole(bias)
        found: list[Found] = [each[place] for each in by_rank]
        torch.testing.assert_close(torch.cat([each[0] for each in found]), out, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.cat([each[1] for each in found]), gradient, rtol=1e-4, atol=1e-5)
        for name in ("experts.gate", "experts.up", "experts.down"):
            divided = torch.cat([each[2][name] for each in found])
            torch.testing.assert_close(divided, gradients[name], rtol=1e-4, atol=1e-4)
        for each in found:
            torch.testing.assert_close(
                each[2]["router.weight"], gradients["router.weight"], rtol=1e-3, atol=1e-4
            )


def test_two_processes_compute_and_learn_what_one_does() -> None:
    _equal_one_process(2)


@pytest.mark.slow
def test_so_do_four_some_of_them_without_a_token() -> None:
    _equal_one_process(4)
