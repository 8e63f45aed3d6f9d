"""Checkpoints of several processes, in the one format that one process writes.

What lies in parts over the processes is gathered, tensor by tensor, by the first one, which alone writes and
reads. So a run goes on at any other number of processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from colonnade.learn.checkpoints import CheckpointManager, Json, Snapshot
from colonnade.learn.checkpoints.catalogue import Tell
from colonnade.learn.mesh.parts import in_parts, whole
from colonnade.learn.mesh.scalable_mesh import ScalableMesh

Part = Callable[[str, Tensor], Tensor]


class SharedCheckpoints:
    """Those of all processes of ``mesh``, which make the same calls."""

    def __init__(self, mesh: ScalableMesh, manager: CheckpointManager | None) -> None:
        """``manager`` is None in all processes but the first."""
        self.mesh, self._manager = mesh, manager

    @property
    def own(self) -> CheckpointManager:
        """The manager: of the first process alone."""
        assert self._manager is not None, "another process has it"
        return self._manager

    def save(self, snapshot: Snapshot, *, wait: bool = False) -> None:
        """See ``CheckpointManager.save``; only the first process raises."""
        tensors = {}
        for name, value in snapshot.tensors.items():
            gathered = whole(value)  # one at a time; only the first process keeps it, in ordinary memory
            if self._manager is not None:
                tensors[name] = gathered.cpu() if in_parts(value) else gathered
        if self._manager is not None:
            self._manager.save(Snapshot(snapshot.step, snapshot.epoch, tensors, snapshot.facts), wait=wait)

    def latest(self, tell: Tell, part: Part) -> Snapshot | None:
        """See ``CheckpointManager.latest``; that of the first process, for everybody. ``part`` says what this
        process keeps of a whole tensor, by its name."""
        found: list[Snapshot | None] = []
        said = self.mesh.led(lambda: _described(found, self.own.latest(tell)))
        if said is None or self.mesh.layout.world == 1:
            return found[0] if found else None
        kept = {} if not found or found[0] is None else found[0].tensors
        tensors = {}
        for name, (dtype, shape) in said["tensors"].items():
            value = kept[name] if kept else torch.empty(shape, dtype=getattr(torch, dtype))
            tensors[name] = part(name, self.mesh.share(value))
        return Snapshot(said["step"], said["epoch"], tensors, said["facts"])


@contextmanager
def opened(mesh: ScalableMesh, make: Callable[[], CheckpointManager]) -> Iterator[SharedCheckpoints]:
    """With what ``make`` makes in the first process; its refusal is everybody's."""
    made: list[CheckpointManager] = []
    mesh.led(lambda: made.append(make()))
    if not made:
        yield SharedCheckpoints(mesh, None)
        return
    with made[0] as manager:
        yield SharedCheckpoints(mesh, manager)


def _described(found: list[Snapshot | None], snapshot: Snapshot | None) -> dict[str, Any] | None:
    """What others need to know of it before they get its tensors."""
    found.append(snapshot)
    if snapshot is None:
        return None
    facts: dict[str, Json] = dict(snapshot.facts)
    tensors = {
        name: (str(value.dtype).removeprefix("torch."), list(value.shape))
        for name, value in snapshot.tensors.items()
    }
    return {"step": snapshot.step, "epoch": snapshot.epoch, "facts": facts, "tensors": tensors}
