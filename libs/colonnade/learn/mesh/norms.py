"""Norms of tensors that may lie in parts over processes."""

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.utils import get_total_norm

from colonnade.learn.mesh.parts import holders, in_parts, local


def group_norms(groups: Mapping[str, Sequence[Tensor]]) -> dict[str, Tensor]:
    """The norm of each group's tensors together, a scalar in float32; no group is empty. Where tensors lie in
    parts, one exchange for all groups, and the same bits in every process."""
    if not any(in_parts(each) for group in groups.values() for each in group):
        return {name: get_total_norm(group).float() for name, group in groups.items()}
    squares = torch.stack([_squares(group) for group in groups.values()])
    dist.all_reduce(squares)
    return dict(zip(groups, squares.sqrt().float().unbind(), strict=True))


def _squares(tensors: Sequence[Tensor]) -> Tensor:
    """This process's share in the sum of squares: what several of them hold counts in parts."""
    by_holders: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        by_holders.setdefault(holders(tensor), []).append(local(tensor))
    shares = [get_total_norm(held).double() ** 2 / count for count, held in by_holders.items()]
    return torch.stack(shares).sum()
