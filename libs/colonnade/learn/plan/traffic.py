"""What the processes of a layout send each other in a step.

replicas   the gradients, in float32, are added up once a step; with shards, each pass adds up its parts
shards     each pass gathers every block forward and again backward, and what is in no block once; it
           reduces all gradients in float32
tensor     each block adds up its stream twice forward and twice backward, twice more where it is computed
           again
"""

from dataclasses import dataclass

from colonnade.learn.flops import count_parameters
from colonnade.learn.memory import FLOAT32, Setup
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.plan.collectives import traffic
from colonnade.learn.plan.memory import narrowed
from colonnade.models.families.transformer.config import TransformerConfig

_BUCKET = 64 << 20
"""Bytes of gradients that replicas add up at once."""


@dataclass(frozen=True, slots=True)
class Sent:
    """By one process in one step."""

    bytes: float = 0.0
    exchanges: int = 0

    def __add__(self, other: "Sent") -> "Sent":
        return Sent(self.bytes + other.bytes, self.exchanges + other.exchanges)


def sent_by(config: TransformerConfig, setup: Setup, layout: Layout) -> Sent:
    """``setup`` is one process's: its rows and its passes."""
    counted = count_parameters(narrowed(config, layout.tensor))
    gradients = counted.total * FLOAT32
    return (
        _shards(config, setup, layout, counted.total, counted.embedding + counted.head)
        + _replicas(config, setup, layout, gradients)
        + _tensor(config, setup, layout)
    )


def _replicas(config: TransformerConfig, setup: Setup, layout: Layout, gradients: int) -> Sent:
    if layout.replicas == 1:
        return Sent()
    each = traffic("all_reduce", gradients / layout.shards, layout.replicas)
    if layout.shards == 1:
        return Sent(each, -(-gradients // _BUCKET))
    return Sent(each * setup.accumulate, (config.layers + 1) * setup.accumulate)


def _shards(config: TransformerConfig, setup: Setup, layout: Layout, parameters: int, root: int) -> Sent:
    if layout.shards == 1:
        return Sent()
    gathered = traffic("all_gather", (2 * parameters - root) * setup.weights.itemsize, layout.shards)
    reduced = traffic("reduce_scatter", parameters * FLOAT32, layout.shards)
    exchanges = 3 * config.layers + 2
    return Sent((gathered + reduced) * setup.accumulate, exchanges * setup.accumulate)


def _tensor(config: TransformerConfig, setup: Setup, layout: Layout) -> Sent:
    if layout.tensor == 1:
        return Sent()
    stream = setup.rows * setup.tokens * config.width * setup.products.itemsize
    exchanges = config.layers * (6 if setup.recompute else 4) * setup.accumulate
    return Sent(exchanges * traffic("all_reduce", stream, layout.tensor), exchanges)
