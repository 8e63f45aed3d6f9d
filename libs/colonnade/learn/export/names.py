"""What the tensors of an exported graph are called: as Optimum calls them, so that its readers know them."""

from colonnade.models.families.transformer.config import TransformerConfig

TOKENS = "input_ids"
MASK = "attention_mask"
LOGITS = "logits"
MODEL_FILE = "model.onnx"


def past_names(config: TransformerConfig) -> list[str]:
    return _pairs("past_key_values", config.layers)


def present_names(config: TransformerConfig) -> list[str]:
    return _pairs("present", config.layers)


def _pairs(prefix: str, layers: int) -> list[str]:
    return [f"{prefix}.{layer}.{kind}" for layer in range(layers) for kind in ("key", "value")]
