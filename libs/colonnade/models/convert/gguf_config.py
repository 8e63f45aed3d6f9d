"""A transformer's configuration from GGUF metadata, and from which tensors there are."""

from colonnade.errors import Unsupported
from colonnade.models.convert.gguf_file import GgufFile, entry
from colonnade.models.convert.gguf_rope import rope_scaling
from colonnade.models.families.transformer.config import TransformerConfig

ARCHITECTURES = ("llama", "qwen2", "qwen3")


class _Keys:
    """The metadata of one architecture."""

    def __init__(self, file: GgufFile, architecture: str) -> None:
        self._metadata, self._prefix = file.metadata, architecture

    def integer(self, key: str, default: int | None = None) -> int:
        return entry(self._metadata, f"{self._prefix}.{key}", int, default)

    def number(self, key: str, default: float | None = None) -> float:
        return entry(self._metadata, f"{self._prefix}.{key}", float, default)


def read_config(file: GgufFile) -> TransformerConfig:
    architecture, tensors = _architecture(file), file.tensors
    keys = _Keys(file, architecture)
    layers, heads = keys.integer("block_count"), keys.integer("attention.head_count")
    width, theta = keys.integer("embedding_length"), keys.number("rope.freq_base", 10_000.0)
    head_width = _head_width(keys, width // max(heads, 1))
    window = keys.integer("attention.sliding_window", 0)
    embedding = tensors.get("token_embd.weight")
    return TransformerConfig(
        vocab_size=embedding.shape[0] if embedding else keys.integer("vocab_size"),
        context_length=keys.integer("context_length"),
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=keys.integer("attention.head_count_kv", heads),
        head_width=head_width,
        hidden=keys.integer("feed_forward_length"),
        norm_epsilon=keys.number("attention.layer_norm_rms_epsilon"),
        rope_theta=theta,
        rope_scaling=rope_scaling(file, architecture, head_width, theta),
        windows=(window,) * min(layers, len(tensors)) if window > 0 else (),
        qkv_bias="blk.0.attn_q.bias" in tensors,
        output_bias="blk.0.attn_output.bias" in tensors,
        feed_forward_bias="blk.0.ffn_up.bias" in tensors,
        qk_norm=architecture == "qwen3",
        tied="output.weight" not in tensors,
    )


def _architecture(file: GgufFile) -> str:
    architecture = file.metadata.get("general.architecture")
    if architecture not in ARCHITECTURES or file.metadata.get(f"{architecture}.expert_count"):
        raise Unsupported(
            f"GGUF architecture {str(architecture)[:80]!r} (or its experts) is not supported;"
            f" supported are dense {', '.join(ARCHITECTURES)}",
            field="general.architecture",
            supported=list(ARCHITECTURES),
        )
    return str(architecture)


def _head_width(keys: _Keys, default: int) -> int:
    head_width = keys.integer("attention.key_length", default)
    for key in ("attention.value_length", "rope.dimension_count"):
        if keys.integer(key, head_width) != head_width:
            raise Unsupported(f"GGUF metadata: {key} must be the head width {head_width}", field=key)
    return head_width
