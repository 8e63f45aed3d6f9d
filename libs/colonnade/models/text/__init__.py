"""A model's own files for text: its tokenizer and its chat template."""

from colonnade.models.text.templates import SpeltOut, Template
from colonnade.models.text.tokenizer import Tokenizer

__all__ = ["SpeltOut", "Template", "Tokenizer"]
