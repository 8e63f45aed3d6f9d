"""What a token set is made from: settings, files, tokenizer."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from colonnade.learn.data.settings import DataSettings, TrainedTokenizerSettings
from colonnade.learn.data.sources import DocumentSource
from colonnade.learn.data.tokenizing import load

_VERSION = 1
"""Of what this code makes of its inputs: another number where the same inputs give other bytes."""


def inputs_of(settings: DataSettings, sources: Sequence[DocumentSource]) -> Mapping[str, Any]:
    """As JSON values. Raises what ``DocumentSource.fingerprint`` and ``load`` raise."""
    return {
        "version": _VERSION,
        "settings": settings.decisive(),
        "files": {source.name: source.fingerprint() for source in sources},
        "tokenizer": _tokenizer(settings),
    }


def _tokenizer(settings: DataSettings) -> str | None:
    said = settings.spelling()
    if isinstance(said, TrainedTokenizerSettings):
        return None
    return f"sha256:{hashlib.sha256(load(said).definition.encode()).hexdigest()}"
