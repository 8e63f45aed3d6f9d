"""The products of each block split between processes (Shoeybi et al. 2019, arXiv:1909.08053).

A process has some of the heads and some of the hidden units: what leads into them is split by its outputs,
what leads out by its inputs, so that a block adds up over processes twice on its way forward and twice on its
way back. Embedding, norms and output layer are whole in every process.
"""

from dataclasses import replace

from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from colonnade.errors import InvalidArgument
from colonnade.models.families.transformer.model import Block, Transformer

_HEADS = -2
"""The dimension of heads, whatever is before it."""


def split(model: Transformer, devices: DeviceMesh) -> None:
    """In place, over the one dimension of ``devices``. Raises ``InvalidArgument`` where heads or hidden units
    are no multiple of its size."""
    parts, config = devices.size(), model.config
    for name, count in (("heads", config.heads), ("kv_heads", config.kv_heads), ("hidden", config.hidden)):
        if count % parts:
            raise InvalidArgument(
                f"parallel.tensor is {parts}, the model's {name} {count}: it must be a multiple of that",
                field="parallel.tensor",
                limit=count,
            )
    for block in model.blocks:
        assert isinstance(block, Block)
        parallelize_module(block, devices, _plan(block))
        shape = block.attention.shape
        block.attention.shape = replace(shape, heads=shape.heads // parts, kv_heads=shape.kv_heads // parts)
    kept = (config.kv_heads // parts, config.head_width)
    model.states = tuple(replace(spec, shape=kept) for spec in model.states)


def _plan(block: Block) -> dict[str, ParallelStyle]:
    whole = Replicate()
    plan: dict[str, ParallelStyle] = {
        "attention": PrepareModuleInput(
            input_layouts=(whole, None, None), desired_input_layouts=(whole, None, None)
        ),
        "feed_forward": PrepareModuleInput(input_layouts=whole, desired_input_layouts=whole),
        "attention.output": RowwiseParallel(),
        "feed_forward.down": RowwiseParallel(),
    }
    into = ("attention.query", "attention.key", "attention.value", "feed_forward.gate", "feed_forward.up")
    plan |= {name: ColwiseParallel() for name in into}
    if block.attention.query_norm is not None:
        plan["attention.query_norm"] = plan["attention.key_norm"] = SequenceParallel(
            sequence_dim=_HEADS, use_local_output=True
        )
    return plan
