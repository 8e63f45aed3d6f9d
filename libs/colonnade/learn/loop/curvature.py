"""For Sophia, which wants to know how the loss bends: its estimates, from one batch."""

from collections.abc import Callable

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.learn.data.batches import TokenBatch
from colonnade.learn.loop.precision import Precision
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.optimisers.sophia import Sophia, draw_targets, generator
from colonnade.models.training import IGNORE

Logits = Callable[[nn.Module, Tensor], Tensor]
"""(B, T) tokens to (B, T, V), by operations that can be differentiated twice."""


class Curvature:
    """Called before each step; does something where the optimiser asks for it."""

    def __init__(
        self,
        model: nn.Module,
        optimiser: Sophia,
        logits: Logits,
        precision: Precision,
        seed: int,
        mesh: ScalableMesh,
    ) -> None:
        self._model, self._optimiser, self._logits = model, optimiser, logits
        self._precision, self._seed, self._mesh = precision, seed, mesh

    def __call__(self, step: int, batch: TokenBatch) -> None:
        optimiser = self._optimiser
        if not optimiser.due(step):
            return
        device = next(self._model.parameters()).device
        tokens_BT, targets_BT = batch.tokens_BT.to(device), batch.targets_BT.to(device)
        if optimiser.draws:
            random = generator(self._seed + self._mesh.part, step, device)  # other rows, other draws
            drawn_BT = draw_targets(self._logits(self._model, tokens_BT), random)
            targets_BT = drawn_BT.where(targets_BT != IGNORE, IGNORE)
        positions = max(1, int(self._mesh.sum([batch.learnt])[0]))

        def loss() -> Tensor:
            with self._precision.computing(device):
                logits_BTV = self._logits(self._model, tokens_BT)
            logits_NV, targets_N = logits_BTV.flatten(0, 1).float(), targets_BT.flatten()
            return F.cross_entropy(logits_NV, targets_N, ignore_index=IGNORE, reduction="sum") / positions

        optimiser.update_curvature(step, loss, seed=self._seed, positions=positions, add=self._mesh.add)
