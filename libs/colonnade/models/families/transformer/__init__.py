"""Dense decoder-only transformer: Llama, Mistral, Qwen2 and Qwen3 checkpoints."""

from colonnade.models.families.transformer.checkpoint import load, save
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer

__all__ = ["Transformer", "TransformerConfig", "load", "save"]
