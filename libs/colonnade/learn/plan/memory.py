"""How many bytes each device holds where several learn one model, before any is rented.

What one process alone would hold (``colonnade.learn.memory``) is divided, and what is put together again of
the others' parts comes on top, with s shards and t processes to a product:

    replicas   a float32 copy of all gradients while they are added up, at the end of a step
    shards     weights, gradients and optimiser are 1/s of all. Of each block, one at a time, all weights are
               gathered, the next block's being fetched meanwhile; on the way back its gradients are whole
               until they are reduced, those of the block before being sent meanwhile. The embedding, its
               gradient and the last norm stay whole from the first use to the last
    tensor     matrices of blocks are 1/t, and with them what comes out of the widening and goes into the
               narrowing ones; the stream between blocks and its norms are whole

(FSDP2 as ``torch.distributed.fsdp`` has it; tensor parallelism as in Shoeybi et al. 2019, arXiv:1909.08053.)
"""

from dataclasses import dataclass, replace

from colonnade.learn.flops import count_parameters
from colonnade.learn.memory import FLOAT32, MemoryEstimate, Setup, estimate_memory
from colonnade.learn.mesh.settings import Layout
from colonnade.models.families.transformer.config import TransformerConfig

FETCHED = 2
"""Blocks of weights at once: the one that is computed and the one that is fetched."""


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of one device."""

    weights: int
    gradients: int
    optimiser: int
    average: int
    activations: int
    """Kept at the end of a forward pass."""
    passing: int
    """On top of what stands, and of as many activations as there are then, at the peak: gradients, logits, a
    block that is computed again, what is gathered, reduced or added up."""

    @property
    def standing(self) -> int:
        """What is there all the time."""
        return self.weights + self.optimiser + self.average

    @property
    def total(self) -> int:
        """At the peak."""
        return self.standing + self.passing


def estimate_on(config: TransformerConfig, setup: Setup, layout: Layout) -> DeviceMemory:
    """``setup.rows`` are those of one process's forward pass, ``setup.accumulate`` its passes."""
    mine = narrowed(config, layout.tensor)
    alone = estimate_memory(mine, setup)
    peak = (_sharded if layout.shards > 1 else _whole)(mine, setup, alone, layout)
    return DeviceMemory(
        weights=alone.weights // layout.shards,
        gradients=alone.gradients // layout.shards,
        optimiser=alone.optimiser // layout.shards,
        average=alone.average // layout.shards,
        activations=alone.activations,
        passing=peak,
    )


def narrowed(config: TransformerConfig, tensor: int) -> TransformerConfig:
    """What one of ``tensor`` processes has of it: the whole stream, a part of heads and hidden width."""
    return replace(
        config,
        heads=config.heads // tensor,
        kv_heads=config.kv_heads // tensor,
        hidden=config.hidden // tensor,
    )


def _whole(mine: TransformerConfig, setup: Setup, alone: MemoryEstimate, layout: Layout) -> int:
    """At the peak, where weights are not sharded. A block that is computed again is there with the gradients
    that have come so far, and with the activations that are left."""
    summed = alone.gradients * FLOAT32 // setup.weights.itemsize if layout.replicas > 1 else 0
    before = alone.gradients * alone.accumulates
    first = before or count_parameters(mine).embedding * setup.weights.itemsize
    return max(
        alone.activations + before + alone.output,
        alone.activations + alone.recomputed + first,
        alone.activations // mine.layers + alone.recomputed + alone.gradients,
        alone.gradients + max(summed, alone.step),
    )


def _sharded(mine: TransformerConfig, setup: Setup, alone: MemoryEstimate, layout: Layout) -> int:
    """At the peak, where they are: at the end of the forward pass, at either end of the backward one, when
    what is in no block is reduced, or in the step."""
    counted, width = count_parameters(mine), setup.weights.itemsize
    root = (counted.embedding + counted.head + mine.width) * width
    block = (alone.weights - root) // mine.layers
    gradients, step = alone.gradients // layout.shards, alone.step // layout.shards
    before = gradients * alone.accumulates
    sent = FLOAT32 / width  # gradients are added up in float32
    blocks = int((FETCHED + 1 + sent) * block) + counted.embedding * width
    return max(
        root + alone.activations + before + max(alone.output, FETCHED * block),
        root + alone.activations + before + alone.recomputed + blocks,
        root + alone.activations // mine.layers + gradients + alone.recomputed + blocks,
        int((2 + sent) * root) + gradients,
        gradients + step,
    )
