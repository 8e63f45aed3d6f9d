"""Several processes learn one model, each some of its layers: pipeline parallelism.

A step's rows go through the stages in parts; each stage computes one part forward, then one backward (1F1B,
Narayanan et al. 2021, arXiv:2104.04473, as ``torch.distributed.pipelining`` has it), so that it keeps the
activations of as many parts at most as there are stages after it. Of s stages and p parts a share of
(s - 1) / (p + s - 1) of the time is waited: many parts make it small.
"""

from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import ProcessGroup
from torch.distributed.pipelining import PipelineStage, Schedule1F1B

from colonnade.errors import InvalidArgument


class StageModel(Protocol):
    """What a family's stage offers (``models.families.transformer.stages``)."""

    index: int
    stages: int

    @property
    def shared(self) -> Tensor | None: ...

    def nll(self, x_BTD: Tensor, targets_BT: Tensor) -> Tensor: ...


class Pipeline:
    """The stages of ``group``, by rank; each process makes the same calls in the same order."""

    def __init__(self, stage: nn.Module, parts: int, *, group: ProcessGroup | None = None) -> None:
        """``stage`` is a ``StageModel``; ``parts`` are those of a step's rows."""
        self._stage: StageModel = stage  # type: ignore[assignment]
        self._group, self._parts = group, parts
        if dist.get_world_size(group) != self._stage.stages:
            raise InvalidArgument(
                f"stages: {self._stage.stages} for {dist.get_world_size(group)} processes; make them as many",
                field="stages",
                limit=dist.get_world_size(group),
            )
        if parts < self._stage.stages:
            raise InvalidArgument(
                f"parts: {parts} do not keep {self._stage.stages} stages busy; make them at least as many",
                field="parts",
                limit=self._stage.stages,
            )
        self._device = next(stage.parameters()).device
        self._last = self._stage.stages - 1
        ranks = dist.get_process_group_ranks(group)
        self._ends = dist.new_group(sorted({ranks[0], ranks[-1]}), use_local_synchronization=True)
        place = PipelineStage(stage, self._stage.index, self._stage.stages, self._device, group=group)
        self._targets = 1
        self._schedule = Schedule1F1B(place, parts, loss_fn=self._loss, scale_grads=False)

    def backward(self, tokens_BT: Tensor, targets_BT: Tensor, targets: int) -> float:
        """Leaves the gradients of the mean over ``targets`` in each stage's parameters, and gives that mean
        to all. Every process brings all rows; only the ends look at them."""
        if len(tokens_BT) % self._parts:
            raise InvalidArgument(
                f"rows: {len(tokens_BT)} are not divided by {self._parts} parts; make them a multiple",
                field="rows",
                limit=self._parts,
            )
        self._targets = targets
        losses: list[Tensor] = []
        given = (tokens_BT,) if self._stage.index == 0 else ()
        if self._stage.index == self._last:
            self._schedule.step(*given, target=targets_BT, losses=losses, return_outputs=False)
        else:
            self._schedule.step(*given, return_outputs=False)
        self._sum_shared()
        return self._told(losses)

    def _loss(self, x_BTD: Tensor, targets_BT: Tensor) -> Tensor:
        return self._stage.nll(x_BTD, targets_BT) / self._targets

    def _sum_shared(self) -> None:
        shared = self._stage.shared
        if shared is not None and shared.grad is not None:
            dist.all_reduce(shared.grad, group=self._ends)

    def _told(self, losses: list[Tensor]) -> float:
        """What the last stage knows."""
        total = torch.stack(losses).sum().detach() if losses else torch.zeros((), device=self._device)
        total = total.float()
        dist.all_reduce(total, group=self._group)
        return float(total)
