"""Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290).

    h = (log p(chosen) - log p0(chosen)) - (log p(rejected) - log p0(rejected))
    loss = - (1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)

of each pair of answers to one prompt, in which p is what learns and p0 what it began as. Here p0 is the same
model without its adapter, so there is no second one in memory. The share e of pairs that are thought to be
marked the wrong way round is 0 in the paper (Mitchell 2023, "A note on DPO with noisy preferences").

Shapes: B pairs.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.learn.data.batches import IGNORE, TokenBatch
from colonnade.learn.data.preferences import PreferenceBatch
from colonnade.models.layers.lora import bare
from colonnade.models.training import Loss

Likelihoods = Callable[[Any, Tensor, Tensor], Tensor]
"""A model's log-likelihoods of each row's targets together."""


class DirectPreference:
    """Its targets are pairs. Besides the loss it tells, as sums: ``accuracy`` (how often the chosen answer
    gained more than the rejected), ``margin`` (by how much), ``chosen_reward`` and ``rejected_reward`` (beta
    times what each gained in log-likelihood)."""

    likelihood = False

    def __init__(self, likelihoods: Likelihoods, beta: float, label_smoothing: float = 0.0) -> None:
        self._likelihoods, self._beta, self._smoothing = likelihoods, beta, label_smoothing

    def __call__(self, model: nn.Module, batch: PreferenceBatch, *, measure: bool = False) -> Loss:
        real_B = (batch.chosen.targets_BT != IGNORE).any(1)
        chosen_B, rejected_B = (self._reward(model, side)[real_B] for side in (batch.chosen, batch.rejected))
        margin_B = chosen_B - rejected_B
        told = {
            "accuracy": (margin_B > 0).float(),
            "margin": margin_B,
            "chosen_reward": chosen_B,
            "rejected_reward": rejected_B,
        }
        measures = {name: value.detach().sum() for name, value in told.items()}
        return Loss(losses(margin_B, self._smoothing).sum(), real_B.sum(), measures=measures)

    def _reward(self, model: nn.Module, side: TokenBatch) -> Tensor:
        """beta (log p - log p0) of each row's answer."""
        with torch.no_grad(), bare(model):
            before_B = self._likelihoods(model, side.tokens_BT, side.targets_BT)
        now_B = self._likelihoods(model, side.tokens_BT, side.targets_BT)
        return self._beta * (now_B - before_B)


def losses(margin_B: Tensor, label_smoothing: float) -> Tensor:
    """``margin_B`` is beta h."""
    right_B, wrong_B = F.logsigmoid(margin_B), F.logsigmoid(-margin_B)
    return -(1 - label_smoothing) * right_B - label_smoothing * wrong_B
