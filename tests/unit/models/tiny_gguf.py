"""Writes small GGUF files as llama.cpp's own converter would, out of models of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

from colonnade.models.convert.gguf_source import gguf_name
from colonnade.models.families.transformer import Transformer
from colonnade.models.families.transformer.names import stored_name

Floats = np.ndarray[Any, np.dtype[np.float32]]

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def permuted(weights: Floats, heads: int) -> Floats:
    """``LlamaModel.permute`` of llama.cpp's convert_hf_to_gguf.py."""
    rows = weights.shape[0]
    return (
        weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:])
        .swapaxes(1, 2)
        .reshape(weights.shape)
    )


def gguf_tensors(model: Transformer, architecture: str) -> dict[str, Floats]:
    tensors: dict[str, Floats] = {}
    for own, parameter in model.named_parameters():
        name, weights = gguf_name(stored_name(own)), parameter.detach().numpy()
        if architecture == "llama" and ".attn_q." in name:
            weights = permuted(weights, model.config.heads)
        if architecture == "llama" and ".attn_k." in name:
            weights = permuted(weights, model.config.kv_heads)
        tensors[name] = weights
    return tensors


def metadata_of(model: Transformer, architecture: str) -> dict[str, Any]:
    config = model.config
    values = {
        "block_count": config.layers,
        "context_length": config.context_length,
        "embedding_length": config.width,
        "feed_forward_length": config.hidden,
        "attention.head_count": config.heads,
        "attention.head_count_kv": config.kv_heads,
        "attention.key_length": config.head_width,
        "attention.value_length": config.head_width,
        "attention.layer_norm_rms_epsilon": config.norm_epsilon,
        "rope.freq_base": config.rope_theta,
    }
    return {f"{architecture}.{key}": value for key, value in values.items()} | byte_tokenizer(
        config.vocab_size
    )


def byte_tokenizer(size: int) -> dict[str, Any]:
    """A vocabulary of ``size``: three special tokens, printable letters, one merge."""
    letters = [chr(code) for code in range(33, 127)][: size - 4]
    tokens = [*SPECIAL, *letters, "ab"]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3, 3, 3] + [1] * (len(tokens) - 3),
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": "{{ messages }}",
    }


def write_gguf(
    path: Path,
    model: Transformer,
    architecture: str = "llama",
    kinds: Mapping[str, GGMLQuantizationType] | None = None,
    metadata: Mapping[str, Any] | None = None,
    tensors: Mapping[str, Floats | None] | None = None,
) -> Path:
    """``kinds``: quantisation by tensor; ``metadata`` and ``tensors`` add, replace or (None) leave out."""
    writer = GGUFWriter(path, architecture)
    for key, value in (metadata_of(model, architecture) | dict(metadata or {})).items():
        _add(writer, key, value)
    for name, weights in (gguf_tensors(model, architecture) | dict(tensors or {})).items():
        kind = (kinds or {}).get(name)
        if weights is not None and kind is None:
            writer.add_tensor(name, np.ascontiguousarray(weights))
        elif weights is not None:
            writer.add_tensor(name, quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: GGUFWriter, key: str, value: Any) -> None:
    match value:
        case None:
            return
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, value)
