"""Weights to and from safetensors under Hugging Face's names, so that an artefact folder is also a Hugging
Face model folder that transformers opens as it is.

Loading maps the file into memory and hands its pages to a model laid out on the meta device: nothing is
initialised, and nothing is copied unless the dtype or the device changes. Never a pickle.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from colonnade.models.artefact import CONFIG, WEIGHTS, read_config, required
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.hugging_face import from_hugging_face, to_hugging_face
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.names import stored_name
from colonnade.models.weights import read_weights


def blank(config: TransformerConfig) -> Transformer:
    """A model without memory for its parameters."""
    with torch.device("meta"):
        return Transformer(config)


def expected_shapes(config: TransformerConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that a checkpoint of ``config`` holds, by stored name; cheap whatever it claims."""
    one = {
        stored_name(own): tuple(value.shape)
        for own, value in blank(replace(config, layers=1, windows=())).named_parameters()
    }
    first = "model.layers.0."
    shapes = {name: shape for name, shape in one.items() if not name.startswith(first)}
    inner = {name.removeprefix(first): shape for name, shape in one.items() if name.startswith(first)}
    for layer in range(config.layers):
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in inner.items()}
    return shapes


def load(
    files: Mapping[str, Path], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> Transformer:
    """A model ready to serve from an artefact's files; ``dtype`` None keeps the stored one."""
    config = from_hugging_face(read_config(required(files, CONFIG), CONFIG))
    model = blank(config)
    names = {stored_name(own): own for own, _ in model.named_parameters()}
    found = read_weights(required(files, WEIGHTS), expected_shapes(config), dtype, device)
    model.load_state_dict({own: found[name] for name, own in names.items()}, strict=True, assign=True)
    return model.to(device).requires_grad_(False).eval()


def save(model: Transformer, folder: Path) -> None:
    """Writes ``config.json`` and ``model.safetensors``: what ``load`` and transformers read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {stored_name(own): value.detach().contiguous().cpu() for own, value in model.named_parameters()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(describe(model), indent=2) + "\n")


def describe(model: Transformer) -> dict[str, object]:
    return to_hugging_face(model.config) | {"dtype": str(model.dtype).removeprefix("torch.")}
