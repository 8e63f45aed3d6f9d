"""One safetensors file of a checkpoint: written with its digest, and read only where it still has it.

The library writes files too, but holds the interpreter's lock meanwhile and leaves the digest to a second
pass; here both the write and the digest are of the same bytes, and the training goes on beside them.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.security.inputs import read_bounded

DTYPES: Mapping[torch.dtype, str] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
}
"""What safetensors holds, by its names."""

_PIECE_BYTES = 8 << 20
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class FileFacts:
    bytes: int
    sha256: str


def shards(tensors: Mapping[str, Tensor], most: int) -> Iterator[dict[str, Tensor]]:
    """``tensors`` in order, in parts of at most ``most`` bytes; a tensor that is larger has its own."""
    part: dict[str, Tensor] = {}
    size = 0
    for name, value in tensors.items():
        if part and size + value.nbytes > most:
            yield part
            part, size = {}, 0
        part[name] = value
        size += value.nbytes
    if part:
        yield part


def write_shard(path: Path, tensors: Mapping[str, Tensor]) -> FileFacts:
    """A new file of contiguous tensors of the CPU, on the disk when this returns."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for piece in _pieces(tensors):
            digest.update(piece)
            size += file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return FileFacts(size, digest.hexdigest())


def read_shard(path: Path, facts: FileFacts) -> dict[str, Tensor]:
    """Tensors that own their memory. Raises ``NotFound`` or ``InvalidArgument`` where the file is damaged."""
    data = read_bounded(path, facts.bytes, path.name)
    if len(data) != facts.bytes or hashlib.sha256(data).hexdigest() != facts.sha256:
        raise InvalidArgument(f"{path.name} is not what was written: its digest differs", field=path.name)
    try:
        tensors: dict[str, Tensor] = load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InvalidArgument(f"{path.name} is not a safetensors file", field=path.name) from error
    return tensors


def _pieces(tensors: Mapping[str, Tensor]) -> Iterator[Any]:
    """Eight bytes of header length, a JSON header, then the tensors in its order: the widest numbers first,
    so that each tensor lies aligned for readers that map the file."""
    ordered = dict(sorted(tensors.items(), key=lambda each: -each[1].element_size()))
    entries: dict[str, Any] = {}
    start = 0
    for name, value in ordered.items():
        end = start + value.nbytes
        entries[name] = {
            "dtype": DTYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [start, end],
        }
        start = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-(8 + len(header)) % _ALIGNMENT)
    yield len(header).to_bytes(8, "little") + header
    for value in ordered.values():
        flat = value.reshape(-1).view(torch.uint8).numpy().data
        for place in range(0, len(flat), _PIECE_BYTES):
            yield flat[place : place + _PIECE_BYTES]
