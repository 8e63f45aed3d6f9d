"""How a process finds the others: the variables that torchrun, Ray and ``--processes`` set.

RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as PyTorch has them. On GPUs tensors go over NCCL;
what is said besides goes over CPUs, and waits as long as it takes: preparing data may take the first process
hours, and one that is gone is noticed at once, by its closed connections.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

from colonnade.errors import ColonnadeError, InvalidArgument, Unavailable
from colonnade.learn.mesh.peers import Peers
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.mesh.settings import Layout, ParallelSettings

_AS_LONG_AS_IT_TAKES = timedelta(days=30)
_COLLECTIVES = timedelta(minutes=30)
_LOST = ("gloo", "nccl", "connection closed", "connection reset", "process group")
"""What torch's errors speak of where another process is gone."""


def is_joined(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was started as one of several."""
    return int(environment.get("WORLD_SIZE", "1")) > 1 and "RANK" in environment


def leads(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is the first of them, or alone."""
    return not is_joined(environment) or int(environment["RANK"]) == 0


@contextmanager
def joined(settings: ParallelSettings, environment: Mapping[str, str] = os.environ) -> Iterator[ScalableMesh]:
    """The mesh of all processes while it is open. Raises ``InvalidArgument`` where they do not fit
    ``settings``, and ``Unavailable`` where another process is gone."""
    world = int(environment["WORLD_SIZE"]) if is_joined(environment) else 1
    layout = Layout.of(settings, world)
    if world == 1:
        yield ScalableMesh.alone()
        return
    try:
        device = _device(int(environment.get("LOCAL_RANK", "0")))
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=_COLLECTIVES)
        yield mesh_of(layout, device)
    except ColonnadeError:
        raise
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or any(word in str(error).lower() for word in _LOST):
            raise Unavailable(
                "another process of the run is gone; started again, it goes on from its last checkpoint"
            ) from error
        raise
    dist.destroy_process_group()


def mesh_of(layout: Layout, device: torch.device) -> ScalableMesh:
    """Of all processes of the group that is there, each with a device of its own."""
    talk = dist.new_group(backend="gloo", timeout=_AS_LONG_AS_IT_TAKES)
    sizes = (layout.replicas, layout.shards, layout.tensor)
    devices = init_device_mesh(device.type, sizes, mesh_dim_names=("replica", "shard", "tensor"))
    return ScalableMesh(device, layout, Peers(dist.get_rank(), talk), devices)


def _device(local: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if local >= torch.cuda.device_count():
        raise InvalidArgument(
            f"processes: this machine has {torch.cuda.device_count()} GPUs, and each process needs its own;"
            " start fewer",
            field="processes",
            limit=torch.cuda.device_count(),
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
