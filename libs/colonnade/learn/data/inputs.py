"""What a token set is made from, and what differs between two such: settings, files, tokenizer."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colonnade.learn.data.settings import DataSettings, TrainedTokenizerSettings
from colonnade.learn.data.sources import DocumentSource
from colonnade.learn.data.tokenizing import load

_VERSION = 1
"""Of what this code makes of its inputs: another number where the same inputs give other bytes."""
_MOST_TOLD = 6


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


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """``settings.split.seed is 0 there and 1 here``, for people; empty where both are the same."""
    found = list(_differences("", there, here))
    more = len(found) - _MOST_TOLD
    return found[:_MOST_TOLD] + ([f"and {more} more"] if more > 0 else [])


def _differences(place: str, there: Any, here: Any) -> Iterator[str]:
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys([*there, *here]):
            yield from _differences(
                f"{place}.{key}".removeprefix("."), there.get(key, "absent"), here.get(key, "absent")
            )
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif there != here:
        yield f"{place} is {_short(there)} there and {_short(here)} here"


def _short(value: Any) -> str:
    said = str(value)
    return said if len(said) <= 80 else f"{said[:77]}..."
