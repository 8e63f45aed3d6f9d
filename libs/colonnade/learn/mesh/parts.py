"""Tensors that lie in parts over processes: PyTorch's ``DTensor``.

Its module takes a second to import, so a process alone does not: who never imported it has no such tensor.
"""

import math
import sys
from typing import TYPE_CHECKING, TypeGuard

import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def in_parts(tensor: Tensor | None) -> "TypeGuard[DTensor]":
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def local(tensor: Tensor) -> Tensor:
    """This process's part: what is done to it is done to the tensor."""
    return tensor.to_local() if in_parts(tensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of it, in every process that holds a part: they all ask."""
    return tensor.full_tensor() if in_parts(tensor) else tensor


def settled(tensor: Tensor) -> Tensor:
    """With what is still to be added up over processes added up."""
    if not in_parts(tensor) or not any(each.is_partial() for each in tensor.placements):
        return tensor
    from torch.distributed.tensor import Replicate

    added = [Replicate() if each.is_partial() else each for each in tensor.placements]
    return tensor.redistribute(placements=added)


def part_like(like: Tensor, value: Tensor) -> Tensor:
    """``value``, which every process has, in parts where ``like`` lies in parts. A number stays whole."""
    if not in_parts(like) or not value.dim():
        return value
    from torch.distributed.tensor import distribute_tensor

    there = value.to(like.device)
    part = distribute_tensor(there, like.device_mesh, like.placements, src_data_rank=None)
    return part.clone()  # a part may be a view, and would keep all of the value


def holders(tensor: Tensor) -> int:
    """How many processes hold each element."""
    world = dist.get_world_size()
    if not in_parts(tensor):
        return world
    sizes = (
        tensor.device_mesh.size(number)
        for number, placement in enumerate(tensor.placements)
        if not placement.is_replicate()
    )
    return world // math.prod(sizes)
