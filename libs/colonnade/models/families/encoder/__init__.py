"""Bidirectional encoder of sentences: BERT and MiniLM checkpoints."""

from colonnade.models.families.encoder.checkpoint import load, save
from colonnade.models.families.encoder.config import EncoderConfig
from colonnade.models.families.encoder.model import Encoder

__all__ = ["Encoder", "EncoderConfig", "load", "save"]
