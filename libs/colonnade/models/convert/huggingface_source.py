"""A Hugging Face model folder as a ``Source``.

Reads config.json, safetensors (one file, or shards listed by an index) and tokenizer files. Every name is
confined to the folder; pickled weights are refused, because reading them can run code.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.models.artefact import CONFIG, WEIGHTS
from colonnade.models.convert.huggingface_tokenizer import read_tokenizer_files
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.source import Source, StoredTensor
from colonnade.models.families.transformer.checkpoint import expected_shapes
from colonnade.models.families.transformer.hugging_face import from_hugging_face
from colonnade.models.weights import check_names, check_shapes
from colonnade.security.inputs import check_file_name

INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
MAX_SHARDS = 4096
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_EMBEDDING = "model.embed_tokens.weight"


def open_folder(path: Path) -> Source:
    folder = ModelFolder(path)
    raw = folder.config(CONFIG)
    config = from_hugging_face(raw)
    shards = _shards(folder)
    expected = expected_shapes(config)
    places = {name: place for name, place in _places(shards).items() if not _surplus(name, config.tied)}
    check_names(set(places), set(expected))
    dtype = _dtype(places[_EMBEDDING])
    tensors = [_stored(name, places[name]) for name in expected]
    check_shapes({tensor.name: tensor.shape for tensor in tensors}, expected)
    tokenizer = read_tokenizer_files(folder, raw, config.vocab_size)
    return Source(
        format="huggingface",
        config=config,
        dtype=dtype,
        tensors=tensors,
        tokenizer=tokenizer,
        files=folder.read,
    )


def refuse_pickle(path: Path) -> None:
    """Says of a pickled checkpoint why it is not taken."""
    if path.suffix.lower() in PICKLES:
        raise Unsupported(
            f"{path.suffix} weights are pickles, and reading one can run code;"
            " only safetensors and GGUF are supported: save the model with safe_serialization=True",
            field="source",
            supported=["safetensors", "gguf"],
        )


def _surplus(name: str, tied: bool) -> bool:
    """Stored by old versions though derived from others."""
    return name.endswith(".rotary_emb.inv_freq") or (tied and name == "lm_head.weight")


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


_Place = tuple[Path, tuple[int, ...], str]


def _places(shards: Mapping[Path, set[str] | None]) -> dict[str, _Place]:
    """Where each tensor lies, its shape and its type, from the files' headers."""
    places: dict[str, _Place] = {}
    for shard, listed in shards.items():
        found = _headers(shard)
        if listed is not None and listed != found.keys():
            check_names(set(found), listed)
        places |= found
    return places


def _headers(shard: Path) -> dict[str, _Place]:
    try:
        with safe_open(shard, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            return {name: (shard, tuple(part.get_shape()), part.get_dtype()) for name, part in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise InvalidArgument(
            "a weight file is damaged or not in safetensors format", field="source"
        ) from error


def _dtype(place: _Place) -> torch.dtype:
    if place[2] not in _DTYPES:
        raise Unsupported(
            f"weights of type {place[2]} are not supported; supported are {', '.join(_DTYPES)}", field="dtype"
        )
    return _DTYPES[place[2]]


def _stored(name: str, place: _Place) -> StoredTensor:
    _dtype(place)
    return StoredTensor(name, place[1], partial(_read, place[0], name))


def _read(shard: Path, name: str) -> Tensor:
    try:
        with safe_open(shard, framework="pt") as file:
            value: Tensor = file.get_tensor(name)
            return value
    except (SafetensorError, OSError, ValueError) as error:
        raise InvalidArgument(
            "a weight file changed or was damaged while it was read", field="source"
        ) from error
