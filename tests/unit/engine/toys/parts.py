"""What the toy families share: a small attention block over the engine's state, and a model's outside.

N tokens, D width, H heads (as many key-value heads).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from colonnade.models.protocol import Capability, Decoder, EmbeddingSpec, State, StateSpec

VOCABULARY = 260
CONTEXT = 96
WIDTH, HEADS = 16, 2


class Block(nn.Module):
    """Attention and a feed-forward, each added to its input."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.mix = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x_ND: Tensor, state: State) -> Tensor:
        q, k, v = self.qkv(x_ND).view(-1, 3, HEADS, WIDTH // HEADS).unbind(1)
        attended = state.attend(self.name, q, k, v, scale=(WIDTH // HEADS) ** -0.5)
        x_ND = x_ND + self.out(attended.reshape(-1, WIDTH))
        mixed_ND: Tensor = self.mix(x_ND)
        return x_ND + mixed_ND


class Toy(nn.Module):
    """A language model's declarations; a family adds ``forward`` and ``decoder``."""

    vocab_size, context_length, page_multiple = VOCABULARY, CONTEXT, 1
    capabilities = frozenset({Capability.GENERATE, Capability.LOGPROBS, Capability.SCORE})
    states: Sequence[StateSpec] = ()
    embedding_spec: EmbeddingSpec | None = None

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def scramble(self, deviation: float = 0.4) -> None:
        """Weights large enough that answers vary."""
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=deviation, generator=self._generator)
        self.requires_grad_(False)

    @property
    def memory_bytes(self) -> int:
        return sum(parameter.nbytes for parameter in self.parameters())

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    def decoder(self) -> Decoder:
        raise AssertionError("each family has its own")


def layer_specs(count: int, windows: Sequence[int | None] = ()) -> list[StateSpec]:
    each = windows or (None,) * count
    return [StateSpec(f"layer.{i}", "paged_kv", (HEADS, WIDTH // HEADS), each[i]) for i in range(count)]
