"""Reads the header of a GGUF file: metadata and where each tensor lies.

Follows the format of ggml-org/ggml, docs/gguf.md (versions 2 and 3, little-endian). The ``gguf`` library
has a reader as well, but it trusts every length in the file (a flipped bit makes it loop or swap) and
takes seconds for a vocabulary; this one takes nothing on trust. Dequantisation is the library's.
"""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_KEYS, MAX_TENSORS, MAX_ELEMENTS = 4096, 65_536, 1 << 22
MAX_KEY_BYTES, MAX_STRING_BYTES, MAX_DIMENSIONS = 512, 4 << 20, 4

# By value type: how one scalar is packed. 8 is a string and 9 an array.
_SCALARS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GgufTensor:
    name: str
    shape: tuple[int, ...]
    """Outermost dimension first, as in numpy; the file stores it the other way round."""
    kind: GGMLQuantizationType
    data: np.ndarray[Any, np.dtype[np.uint8]]
    """The packed rows, mapped from the file."""


@dataclass(frozen=True, slots=True)
class GgufFile:
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]


def damaged(what: str) -> InvalidArgument:
    return InvalidArgument(f"the GGUF file is damaged: {what}", field="source")


def read_gguf(path: Path) -> GgufFile:
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # mmap refuses an empty file with ValueError
        raise damaged("it is empty or cannot be read") from error
    return _parse(_Cursor(data), data)


def _parse(cursor: "_Cursor", data: mmap.mmap) -> GgufFile:
    if cursor.take(4) != MAGIC:
        raise Unsupported(
            "the file is not a GGUF file; supported are .gguf files and folders", field="source"
        )
    version = cursor.unpack("I")
    if version not in VERSIONS:
        raise Unsupported(f"GGUF version {version} is not supported; supported are 2 and 3", field="source")
    tensors, keys = cursor.count(MAX_TENSORS, "tensors"), cursor.count(MAX_KEYS, "keys")
    metadata = _unique(keys, "key", lambda: (cursor.string(MAX_KEY_BYTES), cursor.value()))
    infos = _unique(tensors, "tensor", lambda: (cursor.string(MAX_KEY_BYTES), _info(cursor)))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
        raise damaged("its alignment is out of range")
    start = -(-cursor.at // alignment) * alignment
    raw = np.frombuffer(data, dtype=np.uint8)
    return GgufFile(metadata, {name: _tensor(name, info, raw, start) for name, info in infos.items()})


def _unique(count: int, what: str, read: Callable[[], tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for _ in range(count):
        name, value = read()
        if name in found:
            raise damaged(f"{what} {name[:80]!r} is there twice")
        found[name] = value
    return found


_Info = tuple[tuple[int, ...], int, int]


def _info(cursor: "_Cursor") -> _Info:
    """Shape, type number and offset of one tensor."""
    dimensions = cursor.unpack("I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise damaged(f"a tensor has {dimensions} dimensions")
    shape = tuple(cursor.unpack("Q") for _ in range(dimensions))
    return shape[::-1], cursor.unpack("I"), cursor.unpack("Q")


def _tensor(name: str, info: _Info, raw: np.ndarray[Any, np.dtype[np.uint8]], start: int) -> GgufTensor:
    shape, number, offset = info
    try:
        kind = GGMLQuantizationType(number)
        block, block_bytes = GGML_QUANT_SIZES[kind]
    except (ValueError, KeyError) as error:
        raise Unsupported(f"tensor {name[:80]!r} has the unknown type {number}", field="source") from error
    if shape[-1] % block:
        raise damaged(f"a row of tensor {name[:80]!r} is not a whole number of {kind.name} blocks")
    row_bytes = shape[-1] // block * block_bytes
    size = prod(shape[:-1]) * row_bytes
    if size == 0 or start + offset + size > len(raw):
        raise damaged(f"tensor {name[:80]!r} reaches past the end of the file; is it cut short?")
    packed = raw[start + offset : start + offset + size]
    return GgufTensor(name, shape, kind, packed.reshape(*shape[:-1], row_bytes))


class _Cursor:
    """Reads forward through the header; what is not there is a damaged file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            raise damaged("it ends within its header")
        self.at += size
        return self._data[self.at - size : self.at]

    def unpack(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def count(self, limit: int, what: str) -> int:
        count: int = self.unpack("Q")
        if count > limit:
            raise damaged(f"it claims {count} {what}, the limit is {limit}")
        return count

    def string(self, limit: int = MAX_STRING_BYTES) -> str:
        try:
            return self.take(self.count(limit, "bytes of text")).decode()
        except UnicodeDecodeError as error:
            raise damaged("a text is not UTF-8") from error

    def value(self) -> Any:
        kind = self.unpack("I")
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise damaged(f"it holds a value of unknown type {kind}")
        return self.unpack(_SCALARS[kind])

    def _array(self) -> list[Any]:
        kind, count = self.unpack("I"), self.count(MAX_ELEMENTS, "array elements")
        if kind == _STRING:
            return [self.string() for _ in range(count)]
        if kind not in _SCALARS:
            raise damaged(f"it holds an array of unknown type {kind}")
        code = f"<{count}{_SCALARS[kind]}"
        return list(struct.unpack(code, self.take(struct.calcsize(code))))


def entry(metadata: dict[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    """One value of the metadata, of a given Python type; whole numbers serve as floats."""
    value = metadata.get(key, default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _missing(key, kind)
    return value


def _missing(key: str, kind: type) -> ColonnadeError:
    return InvalidArgument(f"GGUF metadata: {key} must be there, of type {kind.__name__}", field=key)
