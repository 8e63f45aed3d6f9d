"""What makes a request the same request when it comes again."""

import hashlib
from array import array
from collections.abc import Sequence

SIZE = 32
"""Bytes of a fingerprint."""


def fingerprint(model: str, adapter: str, form: str, tokens: Sequence[int]) -> bytes:
    """SHA-256 over the digests of model and adapter, the form the answer must have, and the prompt's tokens.

    Not the seed, nor other settings of the draw: they change what is chosen, hardly ever what is computed."""
    digest = hashlib.sha256("\0".join((model, adapter, form)).encode())
    digest.update(b"\0" + array("q", tokens).tobytes())
    return digest.digest()
