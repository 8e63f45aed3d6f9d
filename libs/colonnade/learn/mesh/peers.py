"""What the processes of a run tell each other beside tensors: a few numbers, and what the first one did."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from colonnade.errors import ColonnadeError, error_of


class Peers:
    """The processes, over a group of CPUs that waits as long as it takes; ``group`` None is one alone.

    Every process makes the same calls in the same order.
    """

    def __init__(self, rank: int = 0, group: "dist.ProcessGroup | None" = None) -> None:
        self.rank, self._group = rank, group

    def sum(self, values: Sequence[float]) -> list[float]:
        """Of each number, over all processes: the same bits for everybody."""
        if self._group is None:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total, group=self._group)
        found: list[float] = total.tolist()
        return found

    def led(self, work: Callable[[], Any]) -> Any:
        """What ``work``, which the first process alone does, gives (JSON), or its refusal, for everybody."""
        if self._group is None:
            return work()
        if self.rank == 0:
            try:
                said = {"value": work()}
            except ColonnadeError as error:
                said = {"code": error.code, "message": error.message, "details": error.details}
                self.tell(said)
                raise
            self.tell(said)
            return said["value"]
        said = self.tell(None)
        if "code" in said:
            raise error_of(said["code"], said["message"], said["details"])
        return said["value"]

    def tell(self, value: Any) -> Any:
        """What the first process tells, as JSON; what others give is not looked at."""
        if self._group is None:
            return value
        text = json.dumps(value).encode() if self.rank == 0 else b""
        length = torch.tensor([len(text)])
        dist.broadcast(length, 0, group=self._group)
        content = torch.frombuffer(bytearray(text), dtype=torch.uint8) if text else None
        content = torch.empty(int(length), dtype=torch.uint8) if content is None else content
        dist.broadcast(content, 0, group=self._group)
        return json.loads(content.numpy().tobytes())

    def share(self, tensor: Tensor) -> Tensor:
        """Fills a contiguous tensor of the CPU with what the first process has in it."""
        if self._group is not None:
            dist.broadcast(tensor, 0, group=self._group)
        return tensor
