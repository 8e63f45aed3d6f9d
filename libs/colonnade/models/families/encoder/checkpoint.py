"""Weights to and from safetensors under the names of Hugging Face's BertModel, so that an artefact folder is
also a Hugging Face model folder that transformers opens as it is.

The pooler, a layer on the first token that BERT was pretrained with, has no part in a sentence's vector and
is not kept. Loading maps the file into memory and copies nothing unless the dtype or the device changes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from colonnade.models.artefact import CONFIG, WEIGHTS, read_config, required
from colonnade.models.families.encoder.config import EncoderConfig
from colonnade.models.families.encoder.hugging_face import from_hugging_face, to_hugging_face
from colonnade.models.families.encoder.model import Encoder
from colonnade.models.weights import read_weights

_TOP = {
    "word": "embeddings.word_embeddings",
    "place": "embeddings.position_embeddings",
    "segment": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
}
_IN_BLOCK = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)\.(weight|bias)")
_LAYER = "encoder.layer"


def stored_name(own: str) -> str:
    """The name in the file of a parameter of ``Encoder``."""
    if (match := _BLOCK.fullmatch(own)) is None:
        module, kind = own.rsplit(".", 1)
        return f"{_TOP[module]}.{kind}"
    layer, module, kind = match.groups()
    return f"{_LAYER}.{layer}.{_IN_BLOCK[module]}.{kind}"


def blank(config: EncoderConfig) -> Encoder:
    """A model without memory for its parameters."""
    with torch.device("meta"):
        return Encoder(config)


def expected_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that a checkpoint of ``config`` holds, by stored name; cheap whatever it claims."""
    one = {
        stored_name(own): tuple(value.shape)
        for own, value in blank(replace(config, layers=1)).named_parameters()
    }
    first = f"{_LAYER}.0."
    shapes = {name: shape for name, shape in one.items() if not name.startswith(first)}
    inner = {name.removeprefix(first): shape for name, shape in one.items() if name.startswith(first)}
    for layer in range(config.layers):
        shapes |= {f"{_LAYER}.{layer}.{name}": shape for name, shape in inner.items()}
    return shapes


def load(
    files: Mapping[str, Path], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> Encoder:
    """A model ready to serve from an artefact's files; ``dtype`` None keeps the stored one."""
    config = from_hugging_face(read_config(required(files, CONFIG), CONFIG))
    model = blank(config)
    names = {stored_name(own): own for own, _ in model.named_parameters()}
    found = read_weights(required(files, WEIGHTS), expected_shapes(config), dtype, device)
    model.load_state_dict({own: found[name] for name, own in names.items()}, strict=True, assign=True)
    return model.to(device).requires_grad_(False).eval()


def save(model: Encoder, folder: Path) -> None:
    """Writes ``config.json`` and ``model.safetensors``: what ``load`` and transformers read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {stored_name(own): value.detach().contiguous().cpu() for own, value in model.named_parameters()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    described = to_hugging_face(model.config) | {"dtype": str(model.dtype).removeprefix("torch.")}
    (folder / CONFIG).write_text(json.dumps(described, indent=2) + "\n")
