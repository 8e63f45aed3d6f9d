"""How long processes take to exchange tensors, by kind and size, on the backend that runs.

``all_reduce`` of N bytes leaves the sum of all N on every process; of the others N is the size of the whole:
``all_gather`` puts it together from equal parts, ``reduce_scatter`` adds and leaves each a part,
``all_to_all`` sends every process a part of what each has. A process must send 2 (p-1)/p N bytes for the
first and (p-1)/p N for the others, whatever the algorithm: that over the time is the bandwidth, as NCCL's
tests count it.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import ProcessGroup

from colonnade.errors import InvalidArgument

KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
SIZES = tuple(1 << power for power in range(10, 27, 4))
"""1 KB to 64 MB."""
MOST_BYTES = 1 << 34
_WIDTH = 4
"""Bytes of an element."""
# Their names up to torch 2.12.
_GATHER: Any = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
_SCATTER: Any = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor


@dataclass(frozen=True, slots=True)
class Timing:
    kind: str
    bytes: int
    processes: int
    seconds: float
    """Median of the repetitions, each as long as its slowest process took."""

    @property
    def sent(self) -> float:
        """Bytes that one process must send."""
        return traffic(self.kind, self.bytes, self.processes)

    @property
    def bandwidth(self) -> float:
        """Bytes a second, out of each process."""
        return self.sent / self.seconds


@dataclass(frozen=True, slots=True)
class Link:
    """A straight line through timings: what an exchange takes at least, and how fast bytes then go."""

    latency: float
    bandwidth: float

    @classmethod
    def fitted(cls, timings: Sequence[Timing]) -> "Link":
        """The time of the smallest exchange and the best bandwidth that was seen. A least-squares line would
        let the largest exchanges drown the latency."""
        smallest = min(timings, key=lambda each: each.bytes)
        return cls(smallest.seconds, max(each.bandwidth for each in timings))

    def seconds(self, sent: float, exchanges: int) -> float:
        return self.latency * exchanges + sent / self.bandwidth


def traffic(kind: str, size: float, processes: int) -> float:
    """Bytes that one of ``processes`` must send for an exchange of ``size``."""
    share = size * (processes - 1) / processes
    return 2 * share if kind == "all_reduce" else share


def profile_collectives(
    sizes: Sequence[int] = SIZES,
    *,
    repeats: int = 5,
    device: torch.device | None = None,
    group: ProcessGroup | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timing]:
    """To be called by every process of the group alike; all get the same table. Sizes are in bytes, rounded
    up so that each process has an equal part."""
    processes, device = dist.get_world_size(group), device or torch.device("cpu")
    unfit = [size for size in sizes if not 1 <= size <= MOST_BYTES]
    if unfit or repeats < 1:
        raise InvalidArgument(
            f"collectives: sizes are between 1 and {MOST_BYTES} bytes, repeats at least 1",
            field="sizes" if unfit else "repeats",
            limit=MOST_BYTES,
        )
    timings = []
    for kind in KINDS:
        for size in sizes:
            part = -(-size // (_WIDTH * processes))
            exchange = _EXCHANGES[kind](part, processes, device, group)
            taken = _timed(exchange, repeats, device, group, clock)
            timings.append(Timing(kind, part * processes * _WIDTH, processes, statistics.median(taken)))
    return timings


def _timed(
    exchange: Callable[[], object],
    repeats: int,
    device: torch.device,
    group: ProcessGroup | None,
    clock: Callable[[], float],
) -> list[float]:
    exchange()  # the first one sets up connections
    taken = torch.zeros(repeats, dtype=torch.float64, device=device)
    for repeat in range(repeats):
        dist.barrier(group)
        began = clock()
        exchange()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken[repeat] = clock() - began
    dist.all_reduce(taken, dist.ReduceOp.MAX, group)
    return [float(each) for each in taken]


Exchange = Callable[[int, int, torch.device, ProcessGroup | None], Callable[[], object]]
"""From the elements of a part, the processes, the device and the group to something that exchanges once."""


def _tensors(part: int, processes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.zeros(part, device=device), torch.zeros(part * processes, device=device)


def _all_reduce(
    part: int, processes: int, device: torch.device, group: ProcessGroup | None
) -> Callable[[], object]:
    _, whole = _tensors(part, processes, device)
    return lambda: dist.all_reduce(whole, group=group)


def _all_gather(
    part: int, processes: int, device: torch.device, group: ProcessGroup | None
) -> Callable[[], object]:
    mine, whole = _tensors(part, processes, device)
    return lambda: _GATHER(whole, mine, group=group)


def _reduce_scatter(
    part: int, processes: int, device: torch.device, group: ProcessGroup | None
) -> Callable[[], object]:
    mine, whole = _tensors(part, processes, device)
    return lambda: _SCATTER(mine, whole, group=group)


def _all_to_all(
    part: int, processes: int, device: torch.device, group: ProcessGroup | None
) -> Callable[[], object]:
    _, given = _tensors(part, processes, device)
    taken = torch.empty_like(given)
    return lambda: dist.all_to_all_single(taken, given, group=group)


_EXCHANGES: Mapping[str, Exchange] = {
    "all_reduce": _all_reduce,
    "all_gather": _all_gather,
    "reduce_scatter": _reduce_scatter,
    "all_to_all": _all_to_all,
}
