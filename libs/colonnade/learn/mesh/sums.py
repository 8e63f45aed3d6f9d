"""Gradients of several copies of a model, added up.

Once a step, after its last backward pass, in float32 whatever they are in, and always laid out alike: so a
run that goes on adds up in the order that it would have.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from colonnade.learn.mesh.parts import local

_BUCKET_BYTES = 64 << 20


def sum_gradients(parameters: Sequence[Tensor], group: "dist.ProcessGroup") -> None:
    """Each parameter's gradient becomes the sum over the group. One that nobody has stays away; one that
    somebody has, everybody gets."""
    had = torch.tensor([float(each.grad is not None) for each in parameters], device=parameters[0].device)
    dist.all_reduce(had, group=group)
    present = [each for each, count in zip(parameters, had.tolist(), strict=True) if count]
    sum_tensors([_gradient(each) for each in present], group)


def sum_tensors(tensors: Sequence[Tensor], group: "dist.ProcessGroup") -> None:
    """Each becomes its sum over the group, in place."""
    under_way: list[tuple[list[Tensor], Tensor, Any]] = []
    for bucket in _buckets(tensors):
        flat = bucket[0].new_empty(sum(each.numel() for each in bucket), dtype=torch.float32)
        for tensor, copy in zip(bucket, _split(flat, bucket), strict=True):
            copy.copy_(tensor)
        under_way.append((bucket, flat, dist.all_reduce(flat, group=group, async_op=True)))
    for bucket, flat, work in under_way:
        work.wait()
        for tensor, total in zip(bucket, _split(flat, bucket), strict=True):
            tensor.copy_(total)


def _split(flat: Tensor, bucket: Sequence[Tensor]) -> list[Tensor]:
    """Views of it, each shaped like the bucket's tensor."""
    parts = torch.split(flat, [each.numel() for each in bucket])
    return [part.view(each.shape) for part, each in zip(parts, bucket, strict=True)]


def _gradient(parameter: Tensor) -> Tensor:
    """This process's part of it, in place."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return local(parameter.grad)


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and size + 4 * tensor.numel() > _BUCKET_BYTES:
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += 4 * tensor.numel()
    if bucket:
        yield bucket
