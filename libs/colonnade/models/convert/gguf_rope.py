"""RoPE scaling as GGUF files state it.

``linear`` and ``yarn`` are metadata. Llama 3.1's is not: llama.cpp bakes it into a tensor of divisors, one
a frequency. The published setting that gives those very divisors is looked up, so that the model keeps a
configuration which transformers can read.
"""

import torch

from colonnade.errors import Unsupported
from colonnade.models.convert.gguf_file import GgufFile, entry
from colonnade.models.layers.rope_scaling import LinearScaling, Llama3Scaling, Scaling, YarnScaling

FACTORS = "rope_freqs.weight"


def rope_scaling(file: GgufFile, architecture: str, head_width: int, theta: float) -> Scaling | None:
    if FACTORS in file.tensors:
        return _llama3(file, head_width, theta)
    metadata, prefix = file.metadata, f"{architecture}.rope.scaling"
    kind = entry(metadata, f"{prefix}.type", str, "none")
    if kind == "none":
        return None
    factor = entry(metadata, f"{prefix}.factor", float)
    if kind == "linear":
        return LinearScaling(factor)
    if kind != "yarn":
        raise Unsupported(
            f"GGUF RoPE scaling {kind[:80]!r} is not supported;"
            " supported are none, linear, yarn and Llama 3's",
            field=f"{prefix}.type",
        )
    for key, neutral in (("attn_factor", 1.0), ("yarn_attn_factor", 1.0), ("yarn_ext_factor", 1.0)):
        if entry(metadata, f"{prefix}.{key}", float, neutral) != neutral:
            raise Unsupported(f"GGUF RoPE scaling: {key} must be {neutral}", field=f"{prefix}.{key}")
    return YarnScaling(
        factor,
        entry(metadata, f"{prefix}.original_context_length", int),
        beta_fast=entry(metadata, f"{prefix}.yarn_beta_fast", float, 32.0),
        beta_slow=entry(metadata, f"{prefix}.yarn_beta_slow", float, 1.0),
    )


def _llama3(file: GgufFile, head_width: int, theta: float) -> Scaling | None:
    tensor = file.tensors[FACTORS]
    if tensor.shape == (head_width // 2,) and tensor.kind.name == "F32" and theta > 1:
        factors = torch.frombuffer(bytearray(tensor.data.tobytes()), dtype=torch.float32)
        if bool((factors == 1).all()):
            return None
        frequencies = theta ** -(torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        largest = float(factors.max())
        if 1 <= largest < 1e6:
            scaling = Llama3Scaling(largest)
            scaled, _ = scaling.scale(frequencies, theta)
            if torch.allclose(frequencies / scaled, factors, rtol=1e-3):
                return scaling
    raise Unsupported(f"GGUF: {FACTORS} holds RoPE factors other than Llama 3's", field=FACTORS)
