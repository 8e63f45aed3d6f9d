"""Text to tokens: a tokenizer that is there, or one that is trained."""

from colonnade.learn.data.tokenizing.encoder import Encoder
from colonnade.learn.data.tokenizing.files import TokenizerFiles, load
from colonnade.learn.data.tokenizing.training import train

__all__ = ["Encoder", "TokenizerFiles", "load", "train"]
