"""``config.json`` of Llama, Mistral, Qwen2 and Qwen3, to our configuration and back.

Whatever would change the equations and is not known here is refused, never ignored.
"""

import math
from collections.abc import Mapping
from typing import Any

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.layers.rope_scaling import LinearScaling, Llama3Scaling, Scaling, YarnScaling

ARCHITECTURES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
ROPE_TYPES = ("default", "linear", "llama3", "yarn")

Raw = Mapping[str, Any]


def from_hugging_face(raw: Raw) -> TransformerConfig:
    architecture = _architecture(raw)
    _refuse_unknown_equations(raw)
    qwen2, qwen3 = architecture.startswith("Qwen2"), architecture.startswith("Qwen3")
    llama = architecture.startswith("Llama")
    width, heads = _integer(raw, "hidden_size"), _integer(raw, "num_attention_heads")
    layers = _integer(raw, "num_hidden_layers")
    attention_bias = (llama or qwen3) and _flag(raw, "attention_bias")
    theta, scaling = _rope(raw)
    return TransformerConfig(
        vocab_size=_integer(raw, "vocab_size"),
        context_length=_integer(raw, "max_position_embeddings"),
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=_integer(raw, "num_key_value_heads", heads if llama else None),
        head_width=_integer(raw, "head_dim", 128 if qwen3 else width // max(heads, 1)),
        hidden=_integer(raw, "intermediate_size"),
        norm_epsilon=_number(raw, "rms_norm_eps", 1e-6),
        rope_theta=theta,
        rope_scaling=scaling,
        windows=_windows(raw, architecture, layers),
        qkv_bias=qwen2 or attention_bias,
        output_bias=attention_bias,
        feed_forward_bias=llama and _flag(raw, "mlp_bias"),
        qk_norm=qwen3,
        tied=_flag(raw, "tie_word_embeddings"),
    )


def to_hugging_face(config: TransformerConfig) -> dict[str, Any]:
    """The ``config.json`` that transformers would read as the same model."""
    architecture = _architecture_of(config)
    raw: dict[str, Any] = {
        "architectures": [architecture],
        "model_type": architecture.removesuffix("ForCausalLM").lower(),
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
        "intermediate_size": config.hidden,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": config.rope_theta,
        "rope_scaling": _raw_scaling(config.rope_scaling),
        "attention_bias": config.output_bias,
        "mlp_bias": config.feed_forward_bias,
        "tie_word_embeddings": config.tied,
    }
    return raw | _raw_windows(config, architecture)


def _architecture(raw: Raw) -> str:
    named = raw.get("architectures")
    architecture = named[0] if isinstance(named, list) and len(named) == 1 else None
    if architecture not in ARCHITECTURES:
        raise Unsupported(
            f"config.json: architecture {_shown(named)} is not supported;"
            f" supported are {', '.join(ARCHITECTURES)}",
            field="architectures",
            supported=list(ARCHITECTURES),
        )
    return str(architecture)


def _refuse_unknown_equations(raw: Raw) -> None:
    expected = {"hidden_act": "silu", "partial_rotary_factor": 1.0}
    for field, value in expected.items():
        if raw.get(field, value) != value:
            raise Unsupported(
                f"config.json: {field} {_shown(raw[field])} is not supported, only {value}", field=field
            )
    if raw.get("quantization_config") is not None:
        raise Unsupported(
            "config.json: quantised Hugging Face checkpoints are not supported;"
            " use the original weights or a GGUF file",
            field="quantization_config",
        )


def _windows(raw: Raw, architecture: str, layers: int) -> tuple[int | None, ...]:
    if architecture.startswith("Llama"):
        return ()
    if architecture.startswith("Mistral"):
        # transformers takes a missing key for 4096, and null for no window
        window = _integer(raw, "sliding_window", 4096) if raw.get("sliding_window", 0) is not None else None
        return () if window is None else (window,) * layers
    if not _flag(raw, "use_sliding_window"):
        return ()
    window, kinds = _integer(raw, "sliding_window", 4096), raw.get("layer_types")
    if kinds is None:
        first = _integer(raw, "max_window_layers", 28, least=0)
        return tuple(window if layer >= first else None for layer in range(layers))
    if not isinstance(kinds, list) or not set(map(str, kinds)) <= {"full_attention", "sliding_attention"}:
        raise Unsupported(
            "config.json: layer_types may hold full_attention and sliding_attention only", field="layer_types"
        )
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def _rope(raw: Raw) -> tuple[float, Scaling | None]:
    """Reads ``rope_theta`` beside ``rope_scaling``, and the ``rope_parameters`` of transformers 5."""
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise InvalidArgument("config.json: rope_scaling must be an object or null", field="rope_scaling")
    theta = _number(rope if "rope_theta" in rope else raw, "rope_theta", 10_000.0)
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ROPE_TYPES or rope.get("partial_rotary_factor", 1.0) != 1.0:
        raise Unsupported(
            f"config.json: RoPE scaling {_shown(kind)} is not supported;"
            f" supported are {', '.join(ROPE_TYPES)}, over the whole head",
            field="rope_scaling",
            supported=list(ROPE_TYPES),
        )
    return theta, None if kind == "default" else _scaling(rope, str(kind), raw)


def _scaling(rope: Raw, kind: str, raw: Raw) -> Scaling:
    factor = _number(rope, "factor")
    if kind == "linear":
        return LinearScaling(factor)
    outer = raw if "original_max_position_embeddings" in raw else rope
    original = _integer(outer, "original_max_position_embeddings", _integer(raw, "max_position_embeddings"))
    if kind == "llama3":
        return Llama3Scaling(
            factor, _number(rope, "low_freq_factor"), _number(rope, "high_freq_factor"), original
        )
    return YarnScaling(
        factor,
        original,
        _yarn_attention_factor(rope, factor),
        _number(rope, "beta_fast", 32.0),
        _number(rope, "beta_slow", 1.0),
        _flag(rope, "truncate", True),
    )


def _yarn_attention_factor(rope: Raw, factor: float) -> float | None:
    if rope.get("attention_factor") is not None:
        return _number(rope, "attention_factor")
    numerator, denominator = _number(rope, "mscale", 0.0), _number(rope, "mscale_all_dim", 0.0)
    if not (numerator and denominator):
        return None
    growth = 0.1 * math.log(factor) if factor > 1 else 0.0
    return (growth * numerator + 1) / (growth * denominator + 1)


def _raw_scaling(scaling: Scaling | None) -> dict[str, Any] | None:
    match scaling:
        case None:
            return None
        case LinearScaling(factor):
            return {"rope_type": "linear", "factor": factor}
        case Llama3Scaling(factor, low, high, original):
            return {
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }
        case YarnScaling(factor, original, attention, fast, slow, truncate):
            return {
                "rope_type": "yarn",
                "factor": factor,
                "original_max_position_embeddings": original,
                "beta_fast": fast,
                "beta_slow": slow,
                "truncate": truncate,
            } | ({} if attention is None else {"attention_factor": attention})


def _architecture_of(config: TransformerConfig) -> str:
    """The plainest architecture with the features of ``config``.

    transformers refuses a Llama whose width is no multiple of its heads, as a pruned model's may be; a
    Mistral without a window is the same model."""
    uniform = len(set(config.windows)) <= 1 and None not in config.windows
    even = not config.windows and config.width % config.heads == 0
    kinds = {
        "Llama": not config.qk_norm and config.qkv_bias == config.output_bias and even,
        "Mistral": not (config.qk_norm or config.qkv_bias or config.output_bias) and uniform,
        "Qwen2": not (config.qk_norm or config.output_bias) and config.qkv_bias,
        "Qwen3": config.qk_norm and config.qkv_bias == config.output_bias,
    }
    for kind, fits in kinds.items():
        if fits and (kind == "Llama" or not config.feed_forward_bias):
            return f"{kind}ForCausalLM"
    raise Unsupported(
        "no Hugging Face architecture has this mix of biases, norms, windows and heads; supported are "
        + ", ".join(ARCHITECTURES)
    )


def _raw_windows(config: TransformerConfig, architecture: str) -> dict[str, Any]:
    if architecture.startswith("Llama"):
        return {}
    widths = {window for window in config.windows if window is not None}
    if len(widths) > 1:
        raise Unsupported("no Hugging Face architecture has sliding windows of different widths")
    window = widths.pop() if widths else None
    if architecture.startswith("Mistral"):
        return {"sliding_window": window}
    kinds = [
        "full_attention" if config.window(i) is None else "sliding_attention" for i in range(config.layers)
    ]
    return {"use_sliding_window": window is not None, "sliding_window": window, "layer_types": kinds}


def _integer(raw: Raw, field: str, default: int | None = None, *, least: int = 1) -> int:
    value = default if raw.get(field) is None else raw[field]
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidArgument(f"config.json: {field} must be an integer of at least {least}", field=field)
    return value


def _number(raw: Raw, field: str, default: float | None = None) -> float:
    value = default if raw.get(field) is None else raw[field]
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e30:
        raise InvalidArgument(f"config.json: {field} must be a finite number", field=field)
    return float(value)


def _flag(raw: Raw, field: str, default: bool = False) -> bool:
    value = raw.get(field)
    if value is not None and not isinstance(value, bool):
        raise InvalidArgument(f"config.json: {field} must be true or false", field=field)
    return default if value is None else value


def _shown(value: object) -> str:
    return repr(value)[:80]
