"""What every foreign format is turned into before anything is written."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from colonnade.models.families.encoder.config import EncoderConfig
from colonnade.models.families.transformer.config import TransformerConfig

CHUNK = 8 << 20


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor that is read only when it is its turn."""

    name: str
    """Hugging Face's name."""
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    tokenizer: str
    """``tokenizer.json`` of the tokenizers library."""
    config: Mapping[str, Any]
    generation: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    format: str
    config: TransformerConfig | EncoderConfig
    dtype: torch.dtype
    tensors: Sequence[StoredTensor]
    tokenizer: TokenizerFiles
    files: Sequence[Path]
    """All that was read: the source's digest is theirs."""
    size_label: str | None = None
    """What its maker calls its size."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """How many weights it has of each GGUF block type, if any are quantised."""


def digest_of(files: Sequence[Path], advance: Callable[[int], None]) -> str:
    """SHA-256 of the one file, or of the list of names and digests of several."""
    digests: dict[str, str] = {}
    for path in files:
        name = path.name if path.name not in digests else f"{path.parent.name}/{path.name}"
        digests[name] = _file_digest(path, advance)
    if len(digests) == 1:
        return f"sha256:{next(iter(digests.values()))}"
    listing = json.dumps(digests, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(listing.encode()).hexdigest()}"


def _file_digest(path: Path, advance: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()
