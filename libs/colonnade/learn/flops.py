"""How many parameters a dense transformer has, part by part, and how much work a token of training is.

A product of (M, K) with (K, N) is 2 M K N operations. Forward, each matrix is met once a token, and each
query meets the keys that it sees, twice (scores, then values); the embedding is looked up, not multiplied.
Backward is twice that: one product for what goes in, one for the weights (Kaplan et al. 2020,
arXiv:2001.08361). What is computed again to save memory does not count: it is no part of the equations.
"""

from dataclasses import dataclass, fields

from colonnade.models.families.transformer.config import TransformerConfig


@dataclass(frozen=True, slots=True)
class Parameters:
    """Counted, not nominal. A tied output layer has none of its own."""

    embedding: int
    attention: int
    feed_forward: int
    norms: int
    head: int

    @property
    def total(self) -> int:
        return sum(getattr(self, part.name) for part in fields(self))


@dataclass(frozen=True, slots=True)
class Flops:
    """Operations a token."""

    matrices: float
    """Forward, of all products with weights, the output layer's among them."""
    attention: float
    """Forward, of queries with keys and of their shares with values."""

    @property
    def forward(self) -> float:
        return self.matrices + self.attention

    @property
    def backward(self) -> float:
        return 2 * self.forward

    @property
    def total(self) -> float:
        return self.forward + self.backward


def count_parameters(config: TransformerConfig) -> Parameters:
    query, pair = config.heads * config.head_width, 2 * config.kv_heads * config.head_width
    attention = config.width * (2 * query + pair)
    attention += config.qkv_bias * (query + pair) + config.output_bias * config.width
    feed_forward = 3 * config.width * config.hidden
    feed_forward += config.feed_forward_bias * (2 * config.hidden + config.width)
    norms = 2 * config.width + config.qk_norm * 2 * config.head_width
    table = config.vocab_size * config.width
    return Parameters(
        embedding=table,
        attention=config.layers * attention,
        feed_forward=config.layers * feed_forward,
        norms=config.layers * norms + config.width,
        head=0 if config.tied else table,
    )


def count_flops(config: TransformerConfig, tokens: int, *, causal: bool = True) -> Flops:
    """Of one token, the mean over a row of ``tokens``. ``causal`` False counts the products with keys that a
    query may not see too, as some compute and then mask them."""
    query, pair = config.heads * config.head_width, 2 * config.kv_heads * config.head_width
    layer = config.width * (2 * query + pair) + 3 * config.width * config.hidden
    weights = config.layers * layer + config.vocab_size * config.width
    keys = sum(_keys(tokens, config.window(i)) if causal else tokens for i in range(config.layers))
    return Flops(matrices=2.0 * weights, attention=4.0 * query * keys)


def flops_a_token(config: TransformerConfig, tokens: int, *, adapter: int | None = None) -> float:
    """Forward and backward, of rows of ``tokens``: what utilisation (MFU) is reckoned from. Where only an
    ``adapter`` of so many parameters learns, the weights themselves have no backward product."""
    flops = count_flops(config, tokens)
    if adapter is None:
        return flops.total
    return 2 * flops.matrices + 3 * flops.attention + 6.0 * adapter


def _keys(tokens: int, window: int | None) -> float:
    """How many keys a query sees, itself among them, on average over the row."""
    seen = min(window or tokens, tokens)
    return (seen * (seen + 1) / 2 + (tokens - seen) * seen) / tokens
