"""Several processes of this machine that form one group, for as long as a function runs in them."""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing import set_forkserver_preload
from torch.multiprocessing.spawn import start_processes

_PATIENCE = timedelta(minutes=10)
_IMPORTED = ["torch", "torch.distributed.fsdp", "torch.distributed.pipelining", "torch.testing"]
"""Once, in the process that the others are forked from."""


def together(processes: int, work: Callable[..., Any], *given: Any) -> list[Any]:
    """What ``work(*given)`` gave in each, by rank: tensors and plain values. What one raises ends all and is
    raised here. They meet through a file, so no port is taken. ``work`` is a module's function."""
    set_forkserver_preload(_IMPORTED)
    with tempfile.TemporaryDirectory() as folder:
        given = (processes, folder, work, given)
        start_processes(_work, given, processes, start_method="forkserver")  # type: ignore[no-untyped-call]
        answers = (Path(folder, f"{rank}.pt") for rank in range(processes))
        return [torch.load(answer, weights_only=True) for answer in answers]


def _work(rank: int, processes: int, folder: str, work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", meeting, rank=rank, world_size=processes, timeout=_PATIENCE)
    try:
        torch.save(work(*given), Path(folder, f"{rank}.pt"))
    finally:
        dist.destroy_process_group()
