"""What every learner is asked to train: one decoder of Llama's kind, on the same tokens."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """RMS norms, rotary positions, gated feed-forward, tied embedding; no biases, no dropout."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int
    context: int


@dataclass(frozen=True, slots=True)
class Run:
    """A training run; ``rows`` of ``tokens`` a forward pass, ``accumulate`` of them a step."""

    shape: Shape
    rows: int
    tokens: int
    data: str
    """The folder of a token set."""
    threads: int
    accumulate: int = 1
    precision: str = "float32"
    """float32, or bfloat16-mixed (autocast)."""
    recompute: bool = False
    compile: bool = False
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    clip: float = 1.0

    @property
    def places(self) -> int:
        """Tokens of a step."""
        return self.rows * self.tokens * self.accumulate

    def said(self) -> dict[str, Any]:
        """As it goes to a learner's process."""
        return asdict(self)

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Run":
        return cls(**{**said, "shape": Shape(**said["shape"]), "betas": tuple(said["betas"])})
