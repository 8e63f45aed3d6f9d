"""Blocks, and how far a step moves them."""

import pytest
import torch
from torch import nn

from colonnade.learn.gradients import block_of, by_block, watched
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.presets import debug


def test_a_transformers_blocks() -> None:
    groups = by_block(Transformer(debug()))
    assert list(groups) == ["embedding", "blocks.0", "blocks.1", "blocks.2", "norm"]
    assert len(groups["blocks.0"]) == 9


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("blocks.3.attention.query.weight", "blocks.3"),
        ("model.layers.11.mlp.weight", "model.layers.11"),
        ("norm.weight", "norm"),
        ("head", "head"),
    ],
)
def test_a_names_block(name: str, block: str) -> None:
    assert block_of(name) == block


def test_frozen_parameters_are_in_no_block() -> None:
    model = Transformer(debug())
    model.embedding.requires_grad_(False)
    assert "embedding" not in by_block(model)


def test_how_far_a_step_moves_the_weights() -> None:
    model = nn.ModuleDict({"a": nn.Linear(2, 2, bias=False), "b": nn.Linear(2, 1), "c": nn.Linear(1, 1)})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        next(model["a"].parameters()).copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    with watched(by_block(model)) as found, torch.no_grad():
        next(model["a"].parameters()).add_(torch.tensor([[0.03, 0.04], [0.0, 0.0]]))
        next(model["b"].parameters()).add_(1.0)
    assert found["a"].weight_norm == pytest.approx(5.0)
    assert found["a"].update_ratio == pytest.approx(0.01)
    assert found["b"].update_ratio == float("inf")
    assert found["c"].update_ratio == 0.0
