"""The identity of a model version: the registry gives it, an engine checks it."""

import hashlib
import json
from collections.abc import Iterable
from typing import Protocol


class Artefact(Protocol):
    """One file of a version."""

    @property
    def path(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


def version_digest(family: str, artefacts: Iterable[Artefact]) -> str:
    """The SHA-256 of the canonical JSON of family and artefacts: equal content, equal digest."""
    files = [
        {"path": each.path, "digest": each.digest, "size_bytes": each.size_bytes}
        for each in sorted(artefacts, key=lambda each: each.path)
    ]
    body = {"family": family, "artefacts": files}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
