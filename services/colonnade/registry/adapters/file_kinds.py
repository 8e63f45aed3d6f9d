"""What an uploaded file must be before anything converts it: what its name says, and no code."""

import os
from pathlib import Path
from typing import BinaryIO

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.security.inputs import CONFIG, TOKENIZER, JsonLimits, guard_json, parse_json, parse_object

_HEADER = JsonLimits(max_bytes=64 * 1024**2, max_depth=8, max_nodes=4_000_000)
_TEXT_BYTES = 64 * 1024**2
_LENGTH_BYTES = 8
_GGUF = b"GGUF"
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_CODE = (*_PICKLES, b"PK\x03\x04", b"\x7fELF", b"MZ", b"#!", b"\x1f\x8b")
"""Pickles, PyTorch's zip archives of them, programs, scripts, compressed files."""


def check_kind_of(path: Path, name: str) -> None:
    """Refuses a file whose content is not of the kind that ``name`` says. Reads no weights."""
    suffix = Path(name).suffix.lower()
    with path.open("rb") as file:
        start = file.read(_LENGTH_BYTES)
        file.seek(0)
        if suffix == ".safetensors":
            _check_safetensors(file, name)
        elif suffix == ".gguf":
            _check_gguf(start, name)
        elif start.startswith(_CODE):
            raise Unsupported(f"{name} holds what may be code: only data is taken", field="path")
        elif suffix == ".json":
            _check_json(file, name)
        elif suffix in (".txt", ".md", ".jinja"):
            _check_text(file, name)


def _check_safetensors(file: BinaryIO, name: str) -> None:
    """The header's length, the header, then tensors that fill the rest: nothing is left over."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if not 2 <= length <= min(_HEADER.max_bytes, size - _LENGTH_BYTES):
        raise _no_safetensors(name)
    header = parse_object(file.read(length), _HEADER, name)
    header.pop("__metadata__", None)
    data = size - _LENGTH_BYTES - length
    if max((_end(entry, name) for entry in header.values()), default=0) != data:
        raise _no_safetensors(name)


def _end(entry: object, name: str) -> int:
    """Where a tensor's bytes end."""
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(each) is int for each in offsets)):
        raise _no_safetensors(name)
    begin, end = offsets
    if not 0 <= begin <= end:
        raise _no_safetensors(name)
    return int(end)


def _check_gguf(start: bytes, name: str) -> None:
    if not start.startswith(_GGUF):
        raise InvalidArgument(f"{name} is not a GGUF file", field="path")


def _check_json(file: BinaryIO, name: str) -> None:
    """The smaller kind is parsed; a vocabulary is only guarded: its reader parses it."""
    data = file.read(TOKENIZER.max_bytes + 1)
    if len(data) <= CONFIG.max_bytes:
        parse_json(data, TOKENIZER, name)
    else:
        guard_json(data, TOKENIZER, name)


def _check_text(file: BinaryIO, name: str) -> None:
    data = file.read(_TEXT_BYTES + 1)
    if len(data) > _TEXT_BYTES:
        raise InvalidArgument(f"{name} may have {_TEXT_BYTES} bytes", field="path", limit=_TEXT_BYTES)
    try:
        data.decode()
    except UnicodeDecodeError:
        raise InvalidArgument(f"{name} is not text in UTF-8", field="path") from None


def _no_safetensors(name: str) -> InvalidArgument:
    return InvalidArgument(f"{name} is damaged, or not in safetensors format", field="path")
