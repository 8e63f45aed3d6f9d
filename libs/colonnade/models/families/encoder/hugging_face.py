"""``config.json`` of BERT to our configuration and back.

What makes a sentence encoder of it, pooling and the longest text, stands in the same file under
``sentence_embedding``, which transformers carries along without a word.
"""

from collections.abc import Mapping
from typing import Any, cast

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.families.encoder.config import EncoderConfig, Pooling

ARCHITECTURES = ("BertModel", "BertForMaskedLM", "BertForPreTraining")
SENTENCE = "sentence_embedding"

Raw = Mapping[str, Any]


def is_encoder(raw: Raw) -> bool:
    """Whether a ``config.json`` is of this family, by the architecture that it names."""
    named = raw.get("architectures")
    return isinstance(named, list) and len(named) == 1 and named[0] in ARCHITECTURES


def from_hugging_face(raw: Raw) -> EncoderConfig:
    if not is_encoder(raw):
        raise Unsupported(
            f"config.json: architecture {str(raw.get('architectures'))[:80]} is not supported;"
            f" supported are {', '.join(ARCHITECTURES)}",
            field="architectures",
            supported=list(ARCHITECTURES),
        )
    _refuse_unknown_equations(raw)
    positions, sentence = _integer(raw, "max_position_embeddings", 512), raw.get(SENTENCE) or {}
    if not isinstance(sentence, dict):
        raise InvalidArgument(f"config.json: {SENTENCE} must be an object", field=SENTENCE)
    return EncoderConfig(
        vocab_size=_integer(raw, "vocab_size"),
        positions=positions,
        width=_integer(raw, "hidden_size"),
        layers=_integer(raw, "num_hidden_layers"),
        heads=_integer(raw, "num_attention_heads"),
        hidden=_integer(raw, "intermediate_size"),
        token_types=_integer(raw, "type_vocab_size", 2),
        norm_epsilon=_number(raw, "layer_norm_eps", 1e-12),
        pooling=cast("Pooling", sentence.get("pooling", "mean")),
        max_tokens=_integer(sentence, "max_tokens", positions),
    )


def to_hugging_face(config: EncoderConfig) -> dict[str, Any]:
    """The ``config.json`` that transformers would read as the same model."""
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.positions,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.hidden,
        "type_vocab_size": config.token_types,
        "hidden_act": "gelu",
        "layer_norm_eps": config.norm_epsilon,
        "position_embedding_type": "absolute",
        SENTENCE: {"pooling": config.pooling, "max_tokens": config.max_tokens},
    }


def _refuse_unknown_equations(raw: Raw) -> None:
    expected = {
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }
    for field, value in expected.items():
        if raw.get(field, value) != value:
            raise Unsupported(
                f"config.json: {field} {str(raw[field])[:80]!r} is not supported, only {value}", field=field
            )
    if raw.get("quantization_config") is not None:
        raise Unsupported(
            "config.json: quantised checkpoints are not supported; use the original weights",
            field="quantization_config",
        )


def _integer(raw: Raw, field: str, default: int | None = None) -> int:
    value = default if raw.get(field) is None else raw[field]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidArgument(f"config.json: {field} must be an integer of at least 1", field=field)
    return value


def _number(raw: Raw, field: str, default: float) -> float:
    value = default if raw.get(field) is None else raw[field]
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e30:
        raise InvalidArgument(f"config.json: {field} must be a finite number", field=field)
    return float(value)
