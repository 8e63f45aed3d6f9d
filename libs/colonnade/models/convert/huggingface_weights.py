"""The weights of a Hugging Face model folder: safetensors, one file or shards listed by an index.

Every name is confined to the folder; pickled weights are refused, because reading them can run code.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.models.artefact import WEIGHTS
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.source import StoredTensor
from colonnade.models.weights import Shapes, check_names, check_shapes
from colonnade.security.inputs import check_file_name

INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
MAX_SHARDS = 4096
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Place(NamedTuple):
    """Where a tensor lies, under which name, and what it is."""

    shard: Path
    name: str
    shape: tuple[int, ...]
    dtype: str


def stored_tensors(places: Mapping[str, Place], expected: Shapes) -> Sequence[StoredTensor]:
    """The ``expected`` tensors out of those that were found, which must be the same."""
    check_names(set(places), set(expected))
    tensors = [_stored(name, places[name]) for name in expected]
    check_shapes({tensor.name: tensor.shape for tensor in tensors}, expected)
    return tensors


def dtype_of(place: Place) -> torch.dtype:
    if place.dtype not in _DTYPES:
        raise Unsupported(
            f"weights of type {place.dtype} are not supported; supported are {', '.join(_DTYPES)}",
            field="dtype",
        )
    return _DTYPES[place.dtype]


def tensors_of(folder: ModelFolder) -> dict[str, Place]:
    """Every tensor of the folder, from the files' headers."""
    places: dict[str, Place] = {}
    for shard, listed in _shards(folder).items():
        found = headers(shard)
        if listed is not None and listed != found.keys():
            check_names(set(found), listed)
        places |= found
    return places


def refuse_pickle(path: Path) -> None:
    """Says of a pickled checkpoint why it is not taken."""
    if path.suffix.lower() in PICKLES:
        raise Unsupported(
            f"{path.suffix} weights are pickles, and reading one can run code;"
            " only safetensors and GGUF are supported: save the model with safe_serialization=True",
            field="source",
            supported=["safetensors", "gguf"],
        )


def _shards(folder: ModelFolder) -> dict[Path, set[str] | None]:
    """The weight files, each with the tensors that the index places in it."""
    if folder.has(WEIGHTS):
        return {folder.file(WEIGHTS): None}
    if not folder.has(INDEX):
        for entry in sorted(folder.path.iterdir()):
            refuse_pickle(entry)
        raise NotFound(f"the folder has neither {WEIGHTS} nor {INDEX}", field="source")
    placed = folder.document(INDEX).get("weight_map")
    if not isinstance(placed, dict) or not all(isinstance(shard, str) for shard in placed.values()):
        raise InvalidArgument(f"{INDEX}: weight_map must map tensors to files", field="weight_map")
    names = sorted(set(placed.values()))
    if len(names) > MAX_SHARDS:
        raise InvalidArgument(f"{INDEX}: more than {MAX_SHARDS} shards", field="weight_map", limit=MAX_SHARDS)
    return {_shard(folder, name): {key for key, shard in placed.items() if shard == name} for name in names}


def _shard(folder: ModelFolder, name: str) -> Path:
    check_file_name(name, "weight_map")
    refuse_pickle(Path(name))
    if not name.endswith(".safetensors"):
        raise Unsupported(f"{INDEX}: shards must be .safetensors files", field="weight_map")
    return folder.file(name)


def headers(shard: Path) -> dict[str, Place]:
    """Every tensor of one file."""
    try:
        with safe_open(shard, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            return {
                name: Place(shard, name, tuple(part.get_shape()), part.get_dtype())
                for name, part in slices.items()
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise InvalidArgument(
            "a weight file is damaged or not in safetensors format", field="source"
        ) from error


def _stored(name: str, place: Place) -> StoredTensor:
    dtype_of(place)
    return StoredTensor(name, place.shape, partial(_read, place.shard, place.name))


def _read(shard: Path, name: str) -> Tensor:
    try:
        with safe_open(shard, framework="pt") as file:
            value: Tensor = file.get_tensor(name)
            return value
    except (SafetensorError, OSError, ValueError) as error:
        raise InvalidArgument(
            "a weight file changed or was damaged while it was read", field="source"
        ) from error
