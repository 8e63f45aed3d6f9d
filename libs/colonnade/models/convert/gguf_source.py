"""A GGUF file as a ``Source``: above all its weights, under Hugging Face's names.

llama.cpp stores the rows of each head's queries and keys so that rotary pairs are neighbours (for the
``llama`` architecture only); that is undone here. Quantised weights become float32.
"""

from collections import Counter
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize
from torch import Tensor

from colonnade.errors import Unsupported
from colonnade.models.convert.gguf_config import read_config
from colonnade.models.convert.gguf_file import GgufFile, GgufTensor, damaged, read_gguf
from colonnade.models.convert.gguf_rope import FACTORS
from colonnade.models.convert.gguf_tokenizer import tokenizer_files
from colonnade.models.convert.source import Source, StoredTensor
from colonnade.models.families.transformer.checkpoint import expected_shapes
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.weights import check_names, check_shapes

Floats = np.ndarray[Any, np.dtype[np.float32]]

_FLOATS = {"F32", "F16", "BF16"}
_TOP = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}
_IN_BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def open_gguf(path: Path) -> Source:
    file = read_gguf(path)
    config = read_config(file)
    tensors = _tensors(file, config)
    label = file.metadata.get("general.size_label")
    return Source(
        format="gguf",
        config=config,
        dtype=torch.float32,
        tensors=tensors,
        tokenizer=tokenizer_files(file.metadata, config.vocab_size),
        files=[path],
        size_label=label if isinstance(label, str) else None,
        kinds=_kinds(file),
    )


def _kinds(file: GgufFile) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for tensor in file.tensors.values():
        counts[tensor.kind.name] += prod(tensor.shape)
    return dict(counts) if counts.keys() - _FLOATS else {}


def gguf_name(stored: str) -> str:
    module, kind = stored.rsplit(".", 1)
    if module in _TOP:
        return f"{_TOP[module]}.{kind}"
    _, _, layer, inner = module.split(".", 3)
    return f"blk.{layer}.{_IN_BLOCK[inner]}.{kind}"


def _tensors(file: GgufFile, config: TransformerConfig) -> list[StoredTensor]:
    shapes = expected_shapes(config)
    names = {stored: gguf_name(stored) for stored in shapes}
    check_names(file.tensors.keys() - {FACTORS}, set(names.values()))
    permuted = file.metadata["general.architecture"] == "llama"
    tensors = [
        _stored(stored, file.tensors[name], config if permuted else None) for stored, name in names.items()
    ]
    check_shapes({tensor.name: tensor.shape for tensor in tensors}, shapes)
    return tensors


def _stored(name: str, tensor: GgufTensor, permuted: TransformerConfig | None) -> StoredTensor:
    heads = None
    if permuted is not None and ".self_attn.q_proj." in name:
        heads = permuted.heads
    if permuted is not None and ".self_attn.k_proj." in name:
        heads = permuted.kv_heads
    return StoredTensor(name, tensor.shape, partial(_read, tensor, heads))


def _read(tensor: GgufTensor, heads: int | None) -> Tensor:
    weights = unpack(tensor)
    if heads is not None:
        weights = neighbours_to_halves(weights, heads)
    return torch.from_numpy(np.require(weights, np.float32, ["C", "W"]))


def unpack(tensor: GgufTensor) -> Floats:
    try:
        with np.errstate(all="ignore"):  # a scale may be NaN in a damaged file; that is found afterwards
            values: Floats = dequantize(tensor.data, tensor.kind)
    except NotImplementedError as error:
        raise Unsupported(f"tensor type {GGMLQuantizationType(tensor.kind).name} is not supported") from error
    if values.shape != tensor.shape:
        raise damaged(f"tensor {tensor.name[:80]!r} unpacks to another shape")
    return values


def neighbours_to_halves(weights: Floats, heads: int) -> Floats:
    """Rows of each head from (pair, half) order to (half, pair): undoes llama.cpp's permutation for RoPE."""
    rows = weights.shape[0]
    split = weights.reshape(heads, rows // heads // 2, 2, *weights.shape[1:])
    return split.swapaxes(1, 2).reshape(weights.shape)
