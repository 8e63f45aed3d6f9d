"""A model whose weights, gradients and optimiser lie in parts over processes: PyTorch's FSDP2 (Zhao et al.
2023, arXiv:2304.11277; ZeRO-3 of Rajbhandari et al. 2020, arXiv:1910.02054).

A block's weights are whole only while it is computed. Gradients are added up, in float32, not averaged: each
process brings its rows' part of the loss, which is a mean over all targets already.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import (
    FSDPModule,
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)


def shard(model: nn.Module, stacks: Sequence[str], methods: Sequence[str], devices: DeviceMesh) -> None:
    """In place. ``stacks`` hold the repeated blocks; ``methods`` compute with the weights beside ``forward``.
    ``devices`` has one dimension, of shards, or replicas of them before it."""
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    for stack in stacks:
        for layer in model.get_submodule(stack).children():
            fully_shard(layer, mesh=devices, mp_policy=policy)
    fully_shard(model, mesh=devices, mp_policy=policy)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    for method in methods:
        register_fsdp_forward_method(model, method)


def fold(model: nn.Module) -> None:
    """After a forward pass that no backward pass follows: the outermost weights are in parts again, so that
    what is done to the parts is done to the model."""
    if isinstance(model, FSDPModule):
        model.reshard()
