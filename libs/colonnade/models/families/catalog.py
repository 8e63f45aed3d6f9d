"""All families by name, each imported only when a model of it is loaded."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch

from colonnade.errors import Unsupported
from colonnade.models.artefact import DESCRIPTION, Description, required
from colonnade.models.protocol import LanguageModel
from colonnade.models.training import Trainable


class Loader(Protocol):
    """Builds a model from an artefact's files, by name; ``dtype`` None keeps the stored one."""

    def __call__(
        self, files: Mapping[str, Path], *, dtype: torch.dtype | None, device: torch.device | str
    ) -> LanguageModel: ...


_MODULES = {
    "encoder": "colonnade.models.families.encoder",
    "transformer": "colonnade.models.families.transformer",
}
"""Modules with a ``load`` of type ``Loader``; a new family adds one line."""

_TRAINABLE = {"transformer": "colonnade.models.families.transformer.trainable"}
"""Modules with a ``TRAINABLE``."""

_registered: dict[str, Loader] = {}


def families() -> tuple[str, ...]:
    return tuple(sorted(_MODULES.keys() | _registered.keys()))


def register(name: str, loader: Loader) -> None:
    """Adds a family of this process, as tests do."""
    _registered[name] = loader


def load(
    files: Mapping[str, Path], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> LanguageModel:
    """The model that ``files`` (artefact path to local path) hold, of the family colonnade.json names."""
    description = Description.read(required(files, DESCRIPTION))
    return loader(description.family)(files, dtype=dtype, device=device)


def loader(family: str) -> Loader:
    if family in _registered:
        return _registered[family]
    if family not in _MODULES:
        raise Unsupported(
            f"model family {family[:80]!r} is unknown; known are {', '.join(families())}",
            field="family",
            supported=list(families()),
        )
    load_family: Loader = importlib.import_module(_MODULES[family]).load
    return load_family


def trainable(family: str) -> Trainable:
    """What a family offers a training loop. Raises ``Unsupported`` for one that cannot be trained here."""
    if family not in _TRAINABLE:
        raise Unsupported(
            f"model family {family[:80]!r} cannot be trained here; known are {', '.join(sorted(_TRAINABLE))}",
            field="model.family",
            supported=sorted(_TRAINABLE),
        )
    found: Trainable = importlib.import_module(_TRAINABLE[family]).TRAINABLE
    return found
