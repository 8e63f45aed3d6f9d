"""Toy models as artefacts in a blob store, to be loaded like real ones."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from colonnade.engine.artefacts import Artefact, Manifest
from colonnade.engine.runtime import ModelRef
from colonnade.models.families import catalog
from colonnade.models.protocol import LanguageModel
from colonnade.storage.blobs import BlobStore
from tests.unit.engine.toys import spelling
from tests.unit.engine.toys.loaded import EVERY


def register() -> None:
    """Makes the toys known to the catalogue as ``toy_<family>``."""
    for family, build in EVERY.items():

        def load(
            files: Mapping[str, Path],
            *,
            dtype: torch.dtype | None = None,
            device: torch.device | str = "cpu",
            build: object = build,
        ) -> LanguageModel:
            assert callable(build)
            model: LanguageModel = build()
            return model

        catalog.register(f"toy_{family}", load)


async def put(blobs: BlobStore, family: str = "autoregressive", name: str = "", version: int = 1) -> Manifest:
    """Stores a toy's files; ``name`` also goes into them, so that other names have other digests."""
    register()
    name = name or family
    parameters = EVERY[family]().memory_bytes // 4
    description = {
        "format": 1,
        "family": f"toy_{family}",
        "parameters": parameters,
        "size_label": "1K",
        "context_length": 96,
        "dtype": "float32",
        "source": {"name": name},
    }
    contents = {
        "colonnade.json": json.dumps(description),
        "tokenizer.json": spelling.definition(),
        "tokenizer_config.json": spelling.tokenizer_config(),
        "generation_config.json": json.dumps({"eos_token_id": [256]}),
    }
    artefacts = []
    for path, content in contents.items():
        blob = await blobs.put_bytes(content.encode())
        artefacts.append(Artefact(path, blob.digest, blob.size_bytes))
    unnamed = Manifest(ModelRef(name, version, ""), f"toy_{family}", parameters, artefacts)
    ref = ModelRef(name, version, unnamed.computed_digest)
    return Manifest(ref, unnamed.family, parameters, artefacts)
