"""In how many bits a model's weights are kept, and what that takes.

On a CPU the matrices are packed for the engine's own products, and everything between them is float32. On
another device, or where no native library can be built, torch computes with plain floats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from colonnade.engine.kernels.fuse import fuse
from colonnade.engine.kernels.low_rank import added_natively
from colonnade.engine.kernels.native import library
from colonnade.engine.kernels.pack import Weights, pack_model
from colonnade.errors import Unsupported
from colonnade.models.adapters import bank_of
from colonnade.models.artefact import DESCRIPTION, Description
from colonnade.models.families.catalog import Loader
from colonnade.models.protocol import LanguageModel

_BITS = {"float32": 32.0, "bfloat16": 16.0, "int8": 8.5, "int4": 5.0}
"""Of a weight, with its share of the scales."""
Cache = Literal["auto", "float32", "float16", "bfloat16"]
_PAGES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_FLOATS: Mapping[Weights, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Precision:
    weights: Weights = "float32"
    device: str = "cpu"
    packed: bool = False
    """Whether matrices are packed for the engine's own products."""
    cache: Cache = "auto"

    @classmethod
    def chosen(cls, weights: Weights, device: str, cache: Cache = "auto") -> "Precision":
        """What the settings come to on this machine. ``Unsupported`` for bits that the device cannot do."""
        whole_numbers = weights in ("int8", "int4")
        if torch.device(device).type != "cpu":
            if whole_numbers:
                raise Unsupported(
                    f"{weights} weights are computed on the CPU alone; on {device} take weights=bfloat16",
                    field="weights",
                )
            return cls(weights, device, cache=cache)
        return cls(weights, device, whole_numbers or library() is not None, cache)

    def load(self, load: Loader, files: Mapping[str, Path]) -> tuple[LanguageModel, str]:
        """The model, and the name of what most of its weights are kept in."""
        model = load(files, dtype=self._dtype, device=self.device)
        if self.packed and isinstance(model, nn.Module):
            kept = pack_model(model, self.weights, quantised=bool(_kinds(files)))
            fuse(model)
            if bank := bank_of(model):
                bank.kernel = added_natively
            return model, kept
        return model, str(model.dtype).removeprefix("torch.")

    def of_pages(self, kept: str) -> torch.dtype | None:
        """What keys and values are cached in where weights are ``kept``; None for what the model computes in.

        Half precision loses far less than weights of so few bits have lost; it is read in half the time."""
        if self.cache != "auto":
            return _PAGES[self.cache]
        return torch.float16 if self.packed and kept != "float32" else None

    @property
    def _dtype(self) -> torch.dtype | None:
        """What is read; None for what is stored."""
        if self.packed:
            return None
        if self.device == "cpu" and self.weights != "bfloat16":
            return torch.float32
        return _FLOATS.get(self.weights)

    def bytes_for(self, parameters: int, stored_bytes: int, files: Mapping[str, Path]) -> int:
        """About what the weights will take; ``stored_bytes`` is what they take in their file."""
        if not parameters:
            return stored_bytes
        if self.packed and self.weights == "auto" and (kinds := _kinds(files)):
            return int(sum(_bits_of(kind) * count for kind, count in kinds.items()) / 8)
        if self._dtype is None and self.weights in ("auto", "stored"):
            return stored_bytes or parameters * 4
        if not self.packed:
            return parameters * (self._dtype or torch.float32).itemsize
        return int(parameters * _BITS[self.weights] / 8)


def _kinds(files: Mapping[str, Path]) -> dict[str, int]:
    """How many weights of each GGUF block type the model was imported from; empty if it was not quantised."""
    if DESCRIPTION not in files:
        return {}
    kinds = Description.read(files[DESCRIPTION]).source.get("kinds")
    if not isinstance(kinds, dict):
        return {}
    return {str(kind): count for kind, count in kinds.items() if isinstance(count, int)}


def _bits_of(kind: str) -> float:
    """Of a weight of a GGUF block type, packed by ``auto``."""
    form: Literal["float32", "int8", "int4"] = "int8"
    if kind.startswith("Q4"):
        form = "int4"
    elif kind.startswith(("F", "BF")):
        form = "float32"
    return _BITS[form]
