"""Writes a ``Source`` as a version's artefact folder, tensor by tensor, all or nothing."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from colonnade.errors import AlreadyExists, InvalidArgument
from colonnade.models.artefact import (
    CONFIG,
    GENERATION_CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    Description,
)
from colonnade.models.convert.progress import Progress
from colonnade.models.convert.source import Source, StoredTensor
from colonnade.models.families.encoder import hugging_face as encoder
from colonnade.models.families.encoder.config import EncoderConfig
from colonnade.models.families.transformer import hugging_face as transformer

_DTYPES = {torch.float32: ("F32", 4), torch.float16: ("F16", 2), torch.bfloat16: ("BF16", 2)}


def write_artefact(source: Source, digest: str, out: Path, progress: Progress) -> Description:
    """Fills the new folder ``out``; what fails on the way leaves nothing behind."""
    description = describe(source, digest)
    with staged(out) as folder:
        write_weights(source.tensors, source.dtype, folder / WEIGHTS, progress)
        said = texts(source)
        for done, (name, text) in enumerate(said.items(), start=1):
            (folder / name).write_text(text, encoding="utf-8")
            progress.report("write", done, len(said) + 1)
        description.write(folder)
        flush(folder)
        progress.report("write", len(said) + 1, len(said) + 1)
    return description


def describe(source: Source, digest: str) -> Description:
    parameters = sum(prod(tensor.shape) for tensor in source.tensors)
    return Description(
        family=_family(source),
        parameters=parameters,
        size_label=size_label(parameters, source.size_label),
        context_length=source.config.context_length,
        dtype=str(source.dtype).removeprefix("torch."),
        source=_origin(source, digest),
    )


def _origin(source: Source, digest: str) -> dict[str, Any]:
    kinds = {"kinds": dict(source.kinds)} if source.kinds else {}
    return {"format": source.format, "digest": digest} | kinds


def size_label(parameters: int, claimed: str | None = None) -> str:
    """The maker's own label where it is within half of the count (a "1B" counts 1.24B), else the count."""
    units = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
    if claimed and (match := re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)([KMBT])", claimed)):
        size = float(match[1]) * units[match[2]]
        if size / 1.5 <= parameters <= size * 1.5:
            return claimed
    for unit in ("T", "B", "M", "K"):
        if parameters >= units[unit]:
            amount = parameters / units[unit]
            return (f"{amount:.1f}".removesuffix(".0") if amount < 10 else f"{amount:.0f}") + unit
    return f"{parameters / units['K']:.3f}K"


def texts(source: Source) -> Mapping[str, str]:
    """Configuration and tokenizer, by the names of their files."""
    config = _config(source) | {"dtype": str(source.dtype).removeprefix("torch.")}
    ends = {key: value for key, value in source.tokenizer.generation.items() if value not in (None, [])}
    return {
        CONFIG: _json(config | ends),
        TOKENIZER: source.tokenizer.tokenizer,
        TOKENIZER_CONFIG: _json(source.tokenizer.config),
        GENERATION_CONFIG: _json(ends),
    }


def _family(source: Source) -> str:
    return "encoder" if isinstance(source.config, EncoderConfig) else "transformer"


def _config(source: Source) -> dict[str, Any]:
    if isinstance(source.config, EncoderConfig):
        return encoder.to_hugging_face(source.config)
    return transformer.to_hugging_face(source.config)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_weights(
    tensors: Sequence[StoredTensor], dtype: torch.dtype, path: Path, progress: Progress
) -> None:
    """Safetensors: eight bytes of header length, a JSON header, then the tensors in header order."""
    with path.open("xb") as file:
        file.write(_header(tensors, dtype))
        for done, tensor in enumerate(tensors, start=1):
            _write_tensor(tensor, dtype, file)
            progress.report("convert", done, len(tensors))


def _header(tensors: Sequence[StoredTensor], dtype: torch.dtype) -> bytes:
    name, width = _DTYPES[dtype]
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for tensor in tensors:
        end = start + prod(tensor.shape) * width
        entries[tensor.name] = {"dtype": name, "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 64)  # so that mapped tensors lie aligned
    return len(header).to_bytes(8, "little") + header


def _write_tensor(tensor: StoredTensor, dtype: torch.dtype, file: BinaryIO) -> None:
    value: Tensor = tensor.read().to(dtype).contiguous()
    assert tuple(value.shape) == tensor.shape, tensor.name
    if not bool(torch.isfinite(value).all()):
        raise InvalidArgument(f"tensor {tensor.name} holds NaN or infinite weights", field=tensor.name)
    file.write(value.view(torch.uint8).numpy().data)


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place at the end."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AlreadyExists("the output folder exists and is not empty; name a new one", field="out")
    staging = out.with_name(f".{out.name}.{os.getpid()}.partial")
    staging.mkdir(parents=True)
    try:
        yield staging
        staging.rename(out)
        flush(out.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def flush(folder: Path) -> None:
    """Puts a folder and the files in it on the disk."""
    for path in (*(entry for entry in folder.iterdir() if entry.is_file()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
