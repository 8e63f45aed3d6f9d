"""What a sentence encoder is made of."""

from dataclasses import dataclass
from typing import Literal, get_args

from colonnade.errors import InvalidArgument

Pooling = Literal["mean", "cls", "last"]

LIMITS = {
    "vocab_size": 1 << 22,
    "positions": 1 << 20,
    "width": 1 << 17,
    "layers": 1024,
    "heads": 1024,
    "hidden": 1 << 20,
    "token_types": 1024,
    "max_tokens": 1 << 20,
}
"""Upper bounds far above any known model: a corrupt file must not make us lay out a petabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    vocab_size: int
    positions: int
    """How many have an embedding."""
    width: int
    layers: int
    heads: int
    hidden: int
    """Width of the feed-forward layer."""
    token_types: int = 2
    """Segments that BERT was trained with; a text on its own is segment 0."""
    norm_epsilon: float = 1e-12
    pooling: Pooling = "mean"
    """How the final hidden states of a text's tokens become one vector."""
    max_tokens: int
    """The longest text that its maker means it for, in tokens."""

    def __post_init__(self) -> None:
        for field, limit in LIMITS.items():
            _check(1 <= getattr(self, field) <= limit, field, f"between 1 and {limit}")
        _check(self.width % self.heads == 0, "width", f"a multiple of heads ({self.heads})")
        _check(0 < self.norm_epsilon < 1, "norm_epsilon", "between 0 and 1")
        _check(self.pooling in get_args(Pooling), "pooling", f"one of {', '.join(get_args(Pooling))}")
        _check(self.max_tokens <= self.positions, "max_tokens", f"at most {self.positions}")

    @property
    def context_length(self) -> int:
        return self.max_tokens

    @property
    def head_width(self) -> int:
        return self.width // self.heads


def _check(holds: bool, field: str, limit: str) -> None:
    if not holds:
        raise InvalidArgument(f"encoder config: {field} must be {limit}", field=field, limit=limit)
