"""What makes a request the same request when it comes again."""

import hashlib
from array import array
from collections.abc import Sequence

SIZE = 32
"""Bytes of a fingerprint."""


def fingerprint(model: str, adapter: str, tokens: Sequence[int]) -> bytes:
    """SHA-256 over the digests of model and adapter and the prompt's tokens.

    Not the seed, nor other settings of the draw: they change what is chosen, hardly ever what is computed."""
    digest = hashlib.sha256(f"{model}\0{adapter}".encode())
    digest.update(b"\0" + array("q", tokens).tobytes())
    return digest.digest()
