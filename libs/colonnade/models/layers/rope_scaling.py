"""Ways to stretch rotary embeddings over a longer context than they were trained on.

Each maps the base frequencies to new ones and gives the factor that cos and sin are multiplied by.
``dynamic`` and ``longrope`` are left out on purpose: their frequencies depend on the length of the whole
sequence, so a cached key would differ from a recomputed one and prefixes could not be shared.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from colonnade.errors import InvalidArgument


def _require(condition: bool, field: str, limit: str) -> None:
    if not condition:
        raise InvalidArgument(f"rope scaling: {field} must be {limit}", field=field, limit=limit)


@dataclass(frozen=True, slots=True)
class LinearScaling:
    """Position interpolation (Chen et al. 2023, arXiv:2306.15595)."""

    factor: float

    def __post_init__(self) -> None:
        _require(math.isfinite(self.factor) and self.factor >= 1, "factor", "finite and at least 1")

    def scale(self, frequencies: Tensor, theta: float) -> tuple[Tensor, float]:
        return frequencies / self.factor, 1.0


@dataclass(frozen=True, slots=True)
class Llama3Scaling:
    """Low frequencies are divided by ``factor``, high ones kept, those between blended (Llama 3.1)."""

    factor: float
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_context: int = 8192

    def __post_init__(self) -> None:
        _require(math.isfinite(self.factor) and self.factor >= 1, "factor", "finite and at least 1")
        _require(
            0 < self.low_freq_factor < self.high_freq_factor < math.inf,
            "low_freq_factor",
            "positive and below high_freq_factor",
        )
        _require(self.original_context > 0, "original_max_position_embeddings", "positive")

    def scale(self, frequencies: Tensor, theta: float) -> tuple[Tensor, float]:
        low, high = self.low_freq_factor, self.high_freq_factor
        turns = self.original_context * frequencies / (2 * math.pi)
        keep = ((turns - low) / (high - low)).clamp(0, 1)
        return (1 - keep) * frequencies / self.factor + keep * frequencies, 1.0


@dataclass(frozen=True, slots=True)
class YarnScaling:
    """YaRN (Peng et al. 2023, arXiv:2309.00071): a linear ramp between kept and interpolated frequencies.

    ``attention_factor`` None means the paper's 0.1 ln(factor) + 1.
    """

    factor: float
    original_context: int
    attention_factor: float | None = None
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True

    def __post_init__(self) -> None:
        _require(math.isfinite(self.factor) and self.factor >= 1, "factor", "finite and at least 1")
        _require(self.original_context > 0, "original_max_position_embeddings", "positive")
        _require(0 < self.beta_slow <= self.beta_fast < math.inf, "beta_slow", "positive, at most beta_fast")
        if self.attention_factor is not None:
            _require(0 < self.attention_factor < math.inf, "attention_factor", "positive")

    def scale(self, frequencies: Tensor, theta: float) -> tuple[Tensor, float]:
        low, high = self._ramp_ends(2 * len(frequencies), theta)
        ramp = ((torch.arange(len(frequencies), dtype=torch.float32) - low) / (high - low)).clamp(0, 1)
        scaled = frequencies / self.factor * ramp + frequencies * (1 - ramp)
        default = 0.1 * math.log(self.factor) + 1.0
        return scaled, default if self.attention_factor is None else self.attention_factor

    def _ramp_ends(self, head_width: int, theta: float) -> tuple[float, float]:
        """The frequency indices that turn ``beta_fast`` and ``beta_slow`` times over the original context."""

        def index_of(turns: float) -> float:
            return (
                head_width * math.log(self.original_context / (turns * 2 * math.pi)) / (2 * math.log(theta))
            )

        low, high = index_of(self.beta_fast), index_of(self.beta_slow)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, head_width - 1)
        return low, high if high != low else high + 0.001


Scaling = LinearScaling | Llama3Scaling | YarnScaling
