"""How many bytes training a dense transformer takes on one device, before anything is laid out.

Kept from the forward pass for the backward, in elements a token, with D the width, Q and K those of all query
and key-value heads, F the hidden width (PyTorch's own rules of what each operation saves; flash attention,
whose scores are never kept):

    each norm        D in float32 (what goes in), D (normed)
    attention        D (what goes in), Q (queries), 2 K (keys, values), Q (mixed), one float32 a head
    feed-forward     D (what goes in), 4 F (gate, silu of it, up, their product)

Autocast adds copies: what goes in is cast once for every matrix that it meets, and the matrices are cast too.
With recomputation a block keeps only its input, and one block at a time has all of it. The output layer and
its loss are made a chunk of rows at a time (``colonnade.models.layers.cross_entropy``).

This is what an allocator is asked for. A process on a CPU was seen to take a quarter to a half more, which
the allocator keeps: leave that much when memory is given as a limit.
"""

from dataclasses import dataclass, replace

import torch

from colonnade.errors import InvalidArgument
from colonnade.learn.flops import count_parameters
from colonnade.learn.optimisers.settings import OptimiserSettings
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.layers.cross_entropy import CHUNK_BYTES

FLOAT32 = 4
COPIES = {"adamw": 2, "lamb": 2, "lion": 1, "adan": 4, "sophia": 2}
"""Of the weights, in an optimiser's state; sgd, adafactor and muon are reckoned apart."""
IN_PASSING = {"lamb": 1, "lion": 1, "adan": 1, "sophia": 2}
"""Of a group's weights, while an optimiser steps over all of them at once; others go one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What of a run decides its memory."""

    optimiser: OptimiserSettings
    rows: int
    """Of one forward pass."""
    tokens: int
    """Of one row."""
    weights: torch.dtype = torch.float32
    products: torch.dtype = torch.float32
    """Other than ``weights``: autocast."""
    recompute: bool = False
    accumulate: int = 1
    average: bool = False


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes."""

    weights: int
    gradients: int
    optimiser: int
    average: int
    activations: int
    """Kept at the end of a forward pass."""
    recomputed: int
    """Of the one block that is computed again."""
    output: int
    """While a chunk of logits exists."""
    step: int
    """While the optimiser steps."""
    accumulates: bool
    """Whether gradients of a forward pass before are kept during the next."""

    @property
    def standing(self) -> int:
        """What is there all the time."""
        return self.weights + self.optimiser + self.average

    @property
    def total(self) -> int:
        """At the peak: at the end of a forward pass, at the beginning of a backward one, or in a step."""
        forward = self.activations + self.output + self.gradients * self.accumulates
        backward = self.activations + self.recomputed + self.gradients
        return self.standing + max(forward, backward, self.gradients + self.step)


def estimate_memory(config: TransformerConfig, setup: Setup) -> MemoryEstimate:
    weight, positions = setup.weights.itemsize, setup.rows * setup.tokens
    parameters = count_parameters(config).total
    block = positions * _block(config, setup)
    kept = positions * config.width * weight if setup.recompute else block
    casts = 0 if setup.recompute else _casts(config, setup)
    table = config.vocab_size * config.width
    return MemoryEstimate(
        weights=parameters * weight,
        gradients=parameters * weight,
        optimiser=optimiser_elements(config, setup.optimiser) * weight,
        average=parameters * max(weight, FLOAT32) * setup.average,
        activations=config.layers * kept + casts + positions * _end(config, setup) + table * weight,
        recomputed=block if setup.recompute else 0,
        output=_output(config, setup),
        step=IN_PASSING.get(setup.optimiser.name, 0) * _largest_group(config, setup.optimiser) * weight,
        accumulates=setup.accumulate > 1,
    )


def recommend(config: TransformerConfig, setup: Setup, available: int) -> tuple[Setup, MemoryEstimate]:
    """``setup`` with the most rows that fit into ``available`` bytes, and what they take. Refuses where not
    one does, and says what would help."""

    def fits(rows: int) -> bool:
        return estimate_memory(config, replace(setup, rows=rows)).total <= available

    if not fits(1):
        raise _too_little(estimate_memory(config, replace(setup, rows=1)), setup, available)
    least, most = 1, 2
    while fits(most):
        least, most = most, most * 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if fits(middle) else (least, middle)
    found = replace(setup, rows=least)
    return found, estimate_memory(config, found)


def optimiser_elements(config: TransformerConfig, settings: OptimiserSettings) -> int:
    """Numbers in the optimiser's state; counters of steps are left out."""
    parameters = count_parameters(config).total
    inside = [(m, n) for m, n, _ in _matrices(config)] * config.layers
    if settings.name == "sgd":
        return parameters if settings.momentum else 0
    if settings.name == "muon":
        return 2 * parameters - sum(m * n for m, n in inside)
    if settings.name == "adafactor":
        tables = [(config.vocab_size, config.width)] * (1 if config.tied else 2)
        return parameters + sum(m + n - m * n for m, n in inside + tables)
    return COPIES[settings.name] * parameters


def _largest_group(config: TransformerConfig, settings: OptimiserSettings) -> int:
    """Parameters of the larger of the two groups that are stepped apart."""
    counted = count_parameters(config)
    matrices = config.layers * sum(m * n for m, n, _ in _matrices(config)) + counted.head
    matrices += counted.embedding * settings.decay_embeddings
    return max(matrices, counted.total - matrices)


def _matrices(config: TransformerConfig) -> list[tuple[int, int, bool]]:
    """Those of a block: rows, columns, and whether the block's stream goes in (and not its inside)."""
    width, query = config.width, config.heads * config.head_width
    pair = config.kv_heads * config.head_width
    outwards = [(query, width, True), (pair, width, True), (pair, width, True)]
    forward = [(config.hidden, width, True), (config.hidden, width, True), (width, config.hidden, False)]
    return [*outwards, (width, query, False), *forward]


def _block(config: TransformerConfig, setup: Setup) -> int:
    """Bytes a token that a block keeps."""
    weight, product = setup.weights.itemsize, setup.products.itemsize
    query, pair = config.heads * config.head_width, 2 * config.kv_heads * config.head_width
    casts = setup.weights != setup.products
    entries = sum(fed for _, _, fed in _matrices(config)) if casts else 2
    norms = 2 * (config.width * (FLOAT32 + weight) + FLOAT32)
    head_norms = config.qk_norm * (
        (query + pair // 2) * (FLOAT32 + product) + FLOAT32 * (config.heads + config.kv_heads)
    )
    inside = product * (entries * config.width + 2 * query + pair + 4 * config.hidden)
    return norms + head_norms + inside + FLOAT32 * config.heads


def _casts(config: TransformerConfig, setup: Setup) -> int:
    """Bytes of all blocks' matrices in the precision of products."""
    if setup.weights == setup.products:
        return 0
    return config.layers * sum(m * n for m, n, _ in _matrices(config)) * setup.products.itemsize


def _end(config: TransformerConfig, setup: Setup) -> int:
    """Bytes a token after the blocks: the last norm's, and the gradient that the loss has made already."""
    return config.width * (FLOAT32 + setup.weights.itemsize + setup.products.itemsize) + FLOAT32


def _output(config: TransformerConfig, setup: Setup) -> int:
    """Bytes at the output layer: what goes in, the matrix in the precision of products, and of a chunk its
    logits beside their softmax in float32, the one before still being there; or, where the matrix's gradient
    has to be rounded, its product and that rounded."""
    product, positions = setup.products.itemsize, setup.rows * setup.tokens
    chunk = min(positions, max(1, CHUNK_BYTES // (FLOAT32 * config.vocab_size)))
    narrow = product if product < FLOAT32 else 0
    before = FLOAT32 + narrow if chunk < positions else 0
    softmax = chunk * config.vocab_size * (2 * FLOAT32 + narrow + before)
    table = config.vocab_size * config.width
    cast, rounded = 0, 0
    if setup.weights != setup.products:
        cast = table * product
        rounded = chunk * config.vocab_size * (FLOAT32 + narrow) + cast + table * setup.weights.itemsize
    entering = positions * config.width * (setup.weights.itemsize + product)
    return max(softmax, rounded) + entering + cast


def _too_little(least: MemoryEstimate, setup: Setup, available: int) -> InvalidArgument:
    remedies = ["take a smaller preset", "take shorter rows"]
    if not setup.recompute:
        remedies.insert(0, "set recompute")
    if least.standing + least.gradients > available:
        remedies = ["take a smaller preset", "take an optimiser with less state (adafactor, lion)"]
    names = ("weights", "gradients", "optimiser", "activations")
    parts = ", ".join(f"{name} {getattr(least, name) / 1e9:.3g}" for name in names)
    return InvalidArgument(
        f"memory: one row of {setup.tokens} tokens takes {least.total / 1e9:.3g} GB ({parts}), and there are "
        f"{available / 1e9:.3g}. {' or '.join(remedies).capitalize()}",
        field="rows",
        limit=available,
    )
