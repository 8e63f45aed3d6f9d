"""A mapped configuration's stages learn what one process learns, in fp16 with its loss scale too."""

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from colonnade.learn.loop.precision import Precision
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser
from colonnade.learn.scaling import LossScaler, ScalingSettings
from colonnade.learn.zero.mapping import map_zero
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token
from colonnade.models.families.transformer.presets import debug
from tests.unit.learn.together import together

ROWS, TOKENS, STEPS = 4, 16, 3
Case = tuple[int, bool]
"""The stage, and whether in fp16."""


def _learnt(case: Case) -> list[float]:
    """The mean loss of each step over all rows, by as many processes as there are."""
    stage, half = case
    world = dist.get_world_size() if dist.is_initialized() else 1
    said = {
        "train_batch_size": ROWS,
        "train_micro_batch_size_per_gpu": ROWS // world,
        "fp16": {"enabled": half, "initial_scale_power": 10},
        "optimizer": {"type": "SGD", "params": {"lr": 0.3}},
        "zero_optimization": {"stage": stage, "offload_param": {"device": "cpu" if stage == 3 else "none"}},
    }
    mapped = map_zero(said, world)
    precision = Precision(mapped.recipe["precision"]["kind"])
    torch.manual_seed(0)
    model = Transformer(debug())
    if world > 1:
        _shard(model, mapped.sharding.arguments(torch.device("cpu")))
    optimiser = make_optimiser(model, OptimiserSettings.model_validate(mapped.recipe["optimiser"]))
    scaling = mapped.recipe["precision"].get("scaling", {"initial_scale_power": 0})
    scaler, losses = LossScaler(ScalingSettings.model_validate(scaling)), []
    for step in range(STEPS):
        with precision.computing(torch.device("cpu")):
            loss = _loss(model, step, world)
        torch.autograd.backward(scaler.scaled(loss))
        assert not scaler.unscale([each.grad for each in model.parameters() if each.grad is not None])
        optimiser.step()
        optimiser.zero_grad()
        losses.append(_mean(loss.detach(), world))
    return losses


def _shard(model: Transformer, arguments: dict[str, object]) -> None:
    for block in model.blocks:
        fully_shard(block, **arguments)  # type: ignore[call-overload]
    fully_shard(model, **arguments)  # type: ignore[call-overload]
    register_fsdp_forward_method(model, "hidden_full")


def _loss(model: Transformer, step: int, world: int) -> Tensor:
    """Of this process's rows."""
    drawn = torch.Generator().manual_seed(step)
    tokens = torch.randint(97, (ROWS, TOKENS), generator=drawn).chunk(world)[
        dist.get_rank() if world > 1 else 0
    ]
    return next_token(model, tokens, tokens.roll(-1, 1)).nll / tokens.numel()


def _mean(loss: Tensor, world: int) -> float:
    if world > 1:
        dist.all_reduce(loss)
    return float(loss) / world


def _all_learnt(cases: list[Case]) -> list[list[float]]:
    return [_learnt(case) for case in cases]


def test_stages_learn_what_one_process_learns() -> None:
    cases: list[Case] = [(1, False), (2, False), (3, False), (3, True)]
    for found in together(2, _all_learnt, cases):
        for case, losses in zip(cases, found, strict=True):
            assert losses == pytest.approx(_learnt(case), rel=2e-3 if case[1] else 1e-5), case
