"""Model folders of a few thousand weights."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models

from colonnade.models.artefact import Description
from colonnade.models.families.transformer.checkpoint import save
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer


def config(**changes: Any) -> TransformerConfig:
    sizes: dict[str, Any] = {
        "vocab_size": 29, "context_length": 64, "width": 16, "layers": 2, "heads": 4, "kv_heads": 2,
        "head_width": 4, "hidden": 24,
    }  # fmt: skip
    return TransformerConfig(**sizes | changes)


def write_model(made: TransformerConfig, folder: Path) -> Path:
    """A model folder none of whose weights keeps the zeros and ones that it starts with."""
    torch.manual_seed(1)
    model = Transformer(made)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn(value.shape, generator=draw) * 0.3)
    save(model, folder)
    words = {f"word{number}": number for number in range(made.vocab_size)}
    Tokenizer(models.WordLevel(words, unk_token="word0")).save(str(folder / "tokenizer.json"))
    Description(
        family="transformer", parameters=1, size_label="1K", context_length=64, dtype="float32"
    ).write(folder)
    return folder
