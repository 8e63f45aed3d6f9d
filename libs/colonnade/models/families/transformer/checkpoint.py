"""Weights to and from safetensors under Hugging Face's names, so that an artefact folder is also a Hugging
Face model folder that transformers opens as it is.

Loading maps the file into memory and hands its pages to a model laid out on the meta device: nothing is
initialised, and nothing is copied unless the dtype or the device changes. Never a pickle.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.models.artefact import CONFIG, WEIGHTS, read_config, required
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.hugging_face import from_hugging_face, to_hugging_face
from colonnade.models.families.transformer.model import Transformer
from colonnade.security.inputs import escape_log

_TOP = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "head.weight": "lm_head.weight",
}
_IN_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)\.(weight|bias)")


def stored_name(own: str) -> str:
    """The name in the file of a parameter of ``Transformer``."""
    if (match := _BLOCK.fullmatch(own)) is None:
        return _TOP[own]
    layer, module, kind = match.groups()
    return f"model.layers.{layer}.{_IN_BLOCK[module]}.{kind}"


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
    model = blank(from_hugging_face(read_config(required(files, CONFIG), CONFIG)))
    weights = _read(required(files, WEIGHTS), model, dtype, device)
    model.load_state_dict(weights, strict=True, assign=True)
    return model.to(device).requires_grad_(False).eval()


def _read(
    path: Path, model: Transformer, dtype: torch.dtype | None, device: torch.device | str
) -> dict[str, Tensor]:
    own_names = {stored_name(own): own for own, _ in model.named_parameters()}
    shapes = expected_shapes(model.config)
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            check_names(set(file.keys()), set(shapes))
            check_shapes({name: tuple(file.get_slice(name).get_shape()) for name in shapes}, shapes)
            return {own: _cast(file.get_tensor(name), dtype) for name, own in own_names.items()}
    except (SafetensorError, OSError) as error:
        raise InvalidArgument(f"{WEIGHTS} is damaged or not a safetensors file", field=WEIGHTS) from error


def _cast(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    return value if dtype is None else value.to(dtype)


def check_names(found: set[str], expected: set[str]) -> None:
    """Refuses a checkpoint with more or fewer tensors than its configuration implies, naming some."""
    for what, names in (("lacks", expected - found), ("should not have", found - expected)):
        if names:
            shown = [escape_log(name[:80]) for name in sorted(names)[:8]]
            raise InvalidArgument(
                f"by its configuration the checkpoint {what} {len(names)} tensors: {', '.join(shown)}",
                field="tensors",
                names=shown,
            )


def check_shapes(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuses a tensor whose shape is not the one that the configuration implies."""
    for name, shape in found.items():
        if shape != expected[name]:
            raise InvalidArgument(
                f"tensor {name} has shape {list(shape)}, its configuration implies {list(expected[name])}",
                field=name,
            )


def save(model: Transformer, folder: Path) -> None:
    """Writes ``config.json`` and ``model.safetensors``: what ``load`` and transformers read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {stored_name(own): value.detach().contiguous().cpu() for own, value in model.named_parameters()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(describe(model), indent=2) + "\n")


def describe(model: Transformer) -> dict[str, object]:
    return to_hugging_face(model.config) | {"dtype": str(model.dtype).removeprefix("torch.")}
