"""Adapters with random weights: parts for a model in memory, and versions in a blob store."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from colonnade.engine.artefacts import Artefact, Manifest
from colonnade.engine.runtime import ModelRef
from colonnade.models.adapters import AdapterBank, Site
from colonnade.models.adapters.bank import Parts
from colonnade.models.layers.lora import LowRank
from colonnade.storage.blobs import BlobStore
from tests.unit.models import adapter_files


def random_parts(
    bank: AdapterBank,
    rank: int,
    targets: Sequence[str] = adapter_files.ALL,
    seed: int = 0,
    size: float = 0.2,
) -> Parts:
    random = torch.Generator().manual_seed(seed)
    return {
        name: LowRank(
            torch.randn(rank, site.inputs, generator=random) * size,
            torch.randn(rank, site.outputs, generator=random) * size,
        )
        for name, site in bank.sites.items()
        if name.rpartition(".")[2] in targets
    }


async def put(
    blobs: BlobStore,
    sites: Mapping[str, Site],
    base: str,
    folder: Path,
    *,
    name: str = "poet",
    about: Mapping[str, Any] | None = None,
    **more: Any,
) -> Manifest:
    """Stores an adapter's files; ``about`` changes its colonnade.json, ``more`` is as for ``tensors``."""
    source = adapter_files.write(folder, sites, **more)
    description = {
        "format": 1, "family": "lora", "parameters": 1, "size_label": "1K", "context_length": 96,
        "dtype": "float32", "source": {}, "base": base,
    }  # fmt: skip
    (source / "colonnade.json").write_text(json.dumps(description | dict(about or {})))
    artefacts = []
    for path in sorted(source.iterdir()):
        blob = await blobs.put_bytes(path.read_bytes())
        artefacts.append(Artefact(path.name, blob.digest, blob.size_bytes))
    unnamed = Manifest(ModelRef(name, 1, ""), "lora", 1, artefacts)
    return Manifest(ModelRef(name, 1, unnamed.computed_digest), "lora", 1, artefacts)
