"""Next-token prediction: the cross-entropy of each target under the logits at its position, in nats."""

import torch
from torch import Tensor, nn

from colonnade.models.families.transformer.model import Transformer
from colonnade.models.layers.cross_entropy import linear_cross_entropy
from colonnade.models.training import IGNORE, Loss


def next_token(model: nn.Module, tokens_BT: Tensor, targets_BT: Tensor, *, measure: bool = False) -> Loss:
    """``targets_BT[b, t]`` follows ``tokens_BT[b, :t + 1]``. See ``colonnade.models.training.Objective``."""
    assert isinstance(model, Transformer)
    x_ND = model.hidden_full(tokens_BT).flatten(0, 1)
    scored = linear_cross_entropy(
        x_ND, model.output_weight, targets_BT.flatten(), ignore=IGNORE, measure=measure
    )
    measures = {"top1": scored.top1, "top5": scored.top5} if measure else {}
    return Loss(scored.nll, scored.targets, measures=measures)


def likelihoods(model: Transformer, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
    """The log-likelihood of each row's targets together, (B,), in nats. Row by row, so that the logits of one
    row at most are in memory."""
    hidden_BTD, weight_VD = model.hidden_full(tokens_BT), model.output_weight
    rows = zip(hidden_BTD, targets_BT, strict=True)
    return torch.stack(
        [-linear_cross_entropy(x_TD, weight_VD, row_T, ignore=IGNORE).nll for x_TD, row_T in rows]
    )
