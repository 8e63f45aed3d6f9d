"""What a dense decoder is made of."""

import math
from dataclasses import dataclass

from colonnade.errors import InvalidArgument
from colonnade.models.layers.rope_scaling import Scaling

LIMITS = {
    "vocab_size": 1 << 22,
    "context_length": 1 << 27,
    "width": 1 << 17,
    "layers": 1024,
    "heads": 1024,
    "kv_heads": 1024,
    "head_width": 1024,
    "hidden": 1 << 20,
}
"""Upper bounds far above any known model: a corrupt file must not make us lay out a petabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerConfig:
    vocab_size: int
    context_length: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    hidden: int
    """Width of the feed-forward layer."""
    norm_epsilon: float = 1e-5
    rope_theta: float = 10_000.0
    rope_scaling: Scaling | None = None
    windows: tuple[int | None, ...] = ()
    """Each layer's sliding window; empty when every layer sees everything."""
    qkv_bias: bool = False
    output_bias: bool = False
    feed_forward_bias: bool = False
    qk_norm: bool = False
    tied: bool = True
    """The output projection is the embedding."""

    def __post_init__(self) -> None:
        for field, limit in LIMITS.items():
            _check(1 <= getattr(self, field) <= limit, field, f"between 1 and {limit}")
        _check(self.heads % self.kv_heads == 0, "heads", f"a multiple of kv_heads ({self.kv_heads})")
        _check(self.head_width % 2 == 0, "head_width", "even, for rotary embedding")
        _check(0 < self.norm_epsilon < 1, "norm_epsilon", "between 0 and 1")
        _check(1 < self.rope_theta < math.inf, "rope_theta", "finite and above 1")
        _check(len(self.windows) in (0, self.layers), "windows", "one a layer, or none")
        _check(all(w is None or w >= 1 for w in self.windows), "windows", "at least 1, or None")

    def window(self, layer: int) -> int | None:
        return self.windows[layer] if self.windows else None


def _check(holds: bool, field: str, limit: str) -> None:
    if not holds:
        raise InvalidArgument(f"transformer config: {field} must be {limit}", field=field, limit=limit)
