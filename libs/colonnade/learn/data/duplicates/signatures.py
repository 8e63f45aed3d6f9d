"""MinHash signatures (Broder 1997): two texts agree in about as many values as their shingles overlap.

A shingle is a few words (or characters) in a row, without case and punctuation. Shingles are hashed here, a
whole text at a time; what is made of the hashes is datasketch's (``affine32``).
"""

import hashlib
import operator
import re
import zlib
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from datasketch import MinHash

from colonnade.learn.data.rule_settings import DuplicateSettings

_WORD = re.compile(r"\w+")
_ASCII_WORD = re.compile(rb"\w+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_AT_ONCE = 4096
"""Shingles; they take as many times ``permutations`` times 4 bytes."""
_SEED = 1


class Signer:
    def __init__(self, settings: DuplicateSettings) -> None:
        self._settings = settings

    def sign(self, text: str) -> bytes:
        """``permutations`` little-endian uint32, equal for texts that have the same shingles; of ``exact``
        settings a digest."""
        if self._settings.kind == "exact":
            return hashlib.sha256(text.encode()).digest()
        found = self._empty.copy()
        shingles_S = _shingles(self._units(text), self._settings.shingle)
        for start in range(0, shingles_S.size, _AT_ONCE):
            found.update_batch(shingles_S[start : start + _AT_ONCE].tolist())
        signature: bytes = found.hashvalues.astype("<u4").tobytes()
        return signature

    @cached_property
    def _empty(self) -> Any:
        return MinHash(
            num_perm=self._settings.permutations, seed=_SEED, scheme="affine32", hashfunc=operator.index
        )

    def _units(self, text: str) -> npt.NDArray[np.uint64]:
        lower = text.lower()
        if self._settings.unit == "characters":
            bare = "".join(lower.split())
            return np.frombuffer(bare.encode("utf-32-le"), "<u4").astype(np.uint64)
        return np.array(list(map(zlib.crc32, _words(lower) or [text.encode()])), np.uint64)


def _words(text: str) -> list[bytes]:
    """What has none is compared whole."""
    if text.isascii():  # several times as fast, and the same
        return _ASCII_WORD.findall(text.encode())
    return [word.encode() for word in _WORD.findall(text)]


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard similarity of the shingles of two signed texts."""
    return float(np.mean(np.frombuffer(one, "<u4") == np.frombuffer(other, "<u4")))


def _shingles(units_U: npt.NDArray[np.uint64], length: int) -> npt.NDArray[np.uint32]:
    """A hash each; a text that is shorter than a shingle is one by itself."""
    length = max(1, min(length, units_U.size))
    count = max(0, units_U.size - length + 1)
    hashed_S: npt.NDArray[Any] = np.zeros(count, np.uint64)
    for offset in range(length):
        hashed_S = (hashed_S ^ units_U[offset : offset + count]) * _FACTOR
        hashed_S ^= hashed_S >> np.uint64(29)
    return (hashed_S >> np.uint64(32)).astype(np.uint32)
