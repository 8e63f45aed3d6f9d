"""Which of a run's processes this is, and what it does together with the others."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh

from colonnade.errors import Unsupported
from colonnade.learn.mesh.parts import in_parts, settled
from colonnade.learn.mesh.peers import Peers
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.mesh.sums import sum_gradients, sum_tensors
from colonnade.models.training import Trainable


class ScalableMesh:
    """Any number of processes: alone, everything here costs nothing, and no process group is there.

    Every process makes the same calls in the same order.
    """

    def __init__(
        self,
        device: torch.device,
        layout: Layout | None = None,
        peers: Peers | None = None,
        devices: DeviceMesh | None = None,
    ) -> None:
        """``devices`` has the dimensions replica, shard and tensor; None for a process alone."""
        self.device, self.layout = device, layout or Layout()
        self._peers, self._devices = peers or Peers(), devices

    @classmethod
    def alone(cls) -> "ScalableMesh":
        return cls(torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    @property
    def rank(self) -> int:
        return self._peers.rank

    @property
    def leads(self) -> bool:
        """Whether it is this process that prepares, tells and writes."""
        return self.rank == 0

    @property
    def part(self) -> int:
        """Which rows are its own, of ``layout.parts``."""
        return self.layout.part(self.rank)

    def sum(self, values: Sequence[float]) -> list[float]:
        """What is counted over rows, over all rows: those that share theirs count once."""
        counts = self.rank % self.layout.tensor == 0
        return self._peers.sum(list(values) if counts else [0.0] * len(values))

    def any(self, holds: bool) -> bool:
        """Whether it holds for one of the processes."""
        return self._peers.sum([float(holds)])[0] > 0

    def led(self, work: Callable[[], Any]) -> Any:
        """See ``Peers.led``."""
        return self._peers.led(work)

    def tell(self, value: Any) -> Any:
        """See ``Peers.tell``."""
        return self._peers.tell(value)

    def share(self, tensor: Tensor) -> Tensor:
        """See ``Peers.share``."""
        return self._peers.share(tensor)

    def spread(self, model: nn.Module, family: Trainable) -> None:
        """Lays the model, which is the same in every process, out over their devices, in place, before
        anything refers to its parameters; a device never holds more than its part and one block. Raises
        ``InvalidArgument`` or ``Unsupported`` where it cannot be."""
        if self._devices is not None and self.layout.tensor > 1:
            if family.split is None:
                raise Unsupported("parallel.tensor: this family's products cannot be split", field="parallel")
            family.split(model, self._devices["tensor"])
        if self._devices is not None and self.layout.shards > 1:
            from colonnade.learn.mesh.sharding import shard  # takes a second to import

            copies = ("replica",) if self.layout.replicas > 1 else ()
            shard(model, family.stacks, family.methods, self._devices[(*copies, "shard")])
        else:
            model.to(self.device)

    def fold(self, model: nn.Module) -> None:
        """After forward passes that no backward pass follows: what is done to its parameters next is done to
        the model."""
        if self.layout.shards > 1:
            from colonnade.learn.mesh.sharding import fold

            fold(model)

    def sum_gradients(self, model: nn.Module) -> None:
        """After a step's last backward pass: each rank had the gradients of its rows' part in the loss."""
        if self._devices is None:
            return
        learning = [each for each in model.parameters() if each.requires_grad]
        for parameter in learning:
            if in_parts(parameter.grad):
                parameter.grad = settled(parameter.grad)
        if self.layout.replicas > 1 and self.layout.shards == 1:  # shards add theirs up as they come
            sum_gradients(learning, self._devices.get_group("replica"))

    def add(self, tensors: Sequence[Tensor]) -> None:
        """What each copy of the model has found of its rows becomes the sum over all, in place."""
        if self.layout.replicas > 1 and self._devices is not None:
            sum_tensors(tensors, self._devices.get_group("replica"))

    def seed(self, seed: int, step: int) -> None:
        """Of what libraries draw in a step (dropout): other draws for other rows, the same when the step is
        repeated. Alone, their generators go on as they are."""
        if self.layout.world > 1:
            digest = hashlib.blake2b(f"{seed}/{step}/{self.part}".encode(), digest_size=8).digest()
            torch.manual_seed(int.from_bytes(digest, "little") >> 1)
