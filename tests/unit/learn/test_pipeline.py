"""A model that is learnt in stages learns what one process learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from colonnade.errors import InvalidArgument
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser
from colonnade.learn.pipeline import Pipeline
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token
from colonnade.models.families.transformer.presets import debug
from colonnade.models.families.transformer.stages import Stage, cut
from colonnade.models.training import IGNORE
from tests.unit.learn.together import together

CONFIG = replace(debug(), layers=5, windows=(None, 8, None, 8, None))
SGD = OptimiserSettings(name="sgd", learning_rate=0.3)
"""Its steps are as far apart as gradients are; AdamW's first ones blow rounding up."""
STEPS = 3
Learnt = tuple[list[float], dict[str, torch.Tensor]]


def _batch(config: TransformerConfig, step: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    drawn = torch.Generator().manual_seed(step)
    tokens = torch.randint(config.vocab_size, (8, 24), generator=drawn)
    targets = tokens.roll(-1, 1).masked_fill(torch.rand(8, 24, generator=drawn) < 0.2, IGNORE)
    return tokens, targets, int((targets != IGNORE).sum())


def _model(config: TransformerConfig) -> Transformer:
    torch.manual_seed(1)
    return Transformer(config)


def _alone(config: TransformerConfig) -> Learnt:
    model = _model(config)
    optimiser, losses = make_optimiser(model, SGD), []
    for step in range(STEPS):
        tokens, targets, count = _batch(config, step)
        loss = next_token(model, tokens, targets).nll / count
        torch.autograd.backward(loss)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return losses, model.state_dict()


def _staged(config: TransformerConfig, parts: int) -> Learnt:
    """In this process's stage."""
    stages = dist.get_world_size()
    stage = Stage(_model(config), dist.get_rank(), stages)
    pipeline, optimiser, losses = Pipeline(stage, parts), make_optimiser(stage, SGD), []
    for step in range(STEPS):
        losses.append(pipeline.backward(*_batch(config, step)))
        optimiser.step()
        optimiser.zero_grad()
    return losses, stage.state_dict()


def _all_staged(cases: list[tuple[TransformerConfig, int]]) -> list[Learnt]:
    return [_staged(*case) for case in cases]


def _equal_one_process(processes: int, cases: list[tuple[TransformerConfig, int]]) -> None:
    by_rank = together(processes, _all_staged, cases)
    for place, (config, _) in enumerate(cases):
        losses, weights = _alone(config)
        found: dict[str, Any] = {}
        for told, state in (each[place] for each in by_rank):
            assert told == pytest.approx(losses, rel=1e-5)
            for name, value in state.items():
                torch.testing.assert_close(value, weights[name], rtol=1e-4, atol=2e-5)
            found |= state
        assert found.keys() == weights.keys()


def test_two_stages_learn_what_one_process_learns() -> None:
    _equal_one_process(2, [(CONFIG, 4), (replace(CONFIG, tied=False), 2)])


@pytest.mark.slow
def test_so_do_three_and_four() -> None:
    _equal_one_process(3, [(CONFIG, 8)])
    _equal_one_process(4, [(CONFIG, 4), (replace(CONFIG, tied=False), 8)])


def test_what_does_not_fit_its_processes_is_refused(tmp_path: Path) -> None:
    dist.init_process_group("gloo", f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        with pytest.raises(InvalidArgument, match="stages: 2 for 1 processes"):
            Pipeline(Stage(_model(CONFIG), 0, 2), 4)
        with pytest.raises(InvalidArgument, match="parts: 0"):
            Pipeline(Stage(_model(CONFIG), 0, 1), 0)
        with pytest.raises(InvalidArgument, match="rows: 8"):
            Pipeline(Stage(_model(CONFIG), 0, 1), 3).backward(*_batch(CONFIG, 0))
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(("layers", "stages"), [(1, 1), (5, 2), (12, 5), (7, 7)])
def test_every_layer_has_one_stage_and_stages_are_alike(layers: int, stages: int) -> None:
    ranges = cut(layers, stages)
    assert [layer for each in ranges for layer in each] == list(range(layers))
    assert {len(each) for each in ranges} <= {layers // stages, -(-layers // stages)}
    assert len(ranges[-1]) == layers // stages


@pytest.mark.parametrize("stages", [0, 6])
def test_more_stages_than_layers_are_refused(stages: int) -> None:
    with pytest.raises(InvalidArgument, match="stages"):
        cut(5, stages)
