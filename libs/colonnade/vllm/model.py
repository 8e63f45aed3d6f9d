"""What the engine's service asks a loaded model, answered for one that vLLM has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from colonnade.models.artefact import CONFIG, read_config, required
from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.hugging_face import from_hugging_face
from colonnade.models.protocol import Capability, StateSpec
from colonnade.vllm.ports import Backend, Lora

_ALWAYS = (
    Capability.GENERATE,
    Capability.LOGPROBS,
    Capability.SCORE,
    Capability.STRUCTURE,
    Capability.PREFIX_SHARING,
)


@dataclass(eq=False)
class ServedModel:
    """Stands for a ``colonnade.models.protocol.LanguageModel`` wherever none is run."""

    backend: Backend
    folder: Path
    vocab_size: int
    context_length: int
    memory_bytes: int
    dtype: torch.dtype
    takes_adapters: bool = False
    adapters: dict[str, Lora] = field(default_factory=dict)
    """By digest."""
    states: tuple[StateSpec, ...] = ()
    """vLLM keeps it."""
    page_multiple: int = 1
    embedding_spec: None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset((*_ALWAYS, Capability.ADAPTERS) if self.takes_adapters else _ALWAYS)

    def decoder(self) -> AutoregressiveDecoder:
        """What sequences have for their own; vLLM decodes in the same order."""
        return AutoregressiveDecoder()


def config_of(files: Mapping[str, Path]) -> TransformerConfig:
    return from_hugging_face(read_config(required(files, CONFIG), CONFIG))


def position_bytes(config: TransformerConfig, dtype: torch.dtype) -> int:
    """Of one position's keys and values in all layers."""
    return 2 * config.layers * config.kv_heads * config.head_width * dtype.itemsize


def dtype_of(name: str) -> torch.dtype:
    return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[name]
