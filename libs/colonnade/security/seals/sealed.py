"""What a seal is over, and its parts that do not depend on a key."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

STATEMENT = "colonnade-seal.json"
"""The file that stands for what a version is beside its files."""
SIGNATURE = "model.sig"
"""What ``model_signing`` calls the file that holds a seal."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
METHOD: Mapping[str, Any] = {
    "method": "files",
    "hash_type": "sha256",
    "allow_symlinks": False,
    "ignore_paths": [SIGNATURE],
}
_STATED = (
    "name", "version", "tenant", "digest", "family", "parameters", "size_label", "context_length", "base",
)  # fmt: skip


class File(Protocol):
    """One file of a version."""

    @property
    def path(self) -> str: ...
    @property
    def digest(self) -> str:
        """``sha256:<64 hex>``"""
        ...


@dataclass(frozen=True, slots=True)
class Sealed:
    """A version, as far as a seal says anything of it."""

    name: str
    version: int
    tenant: str
    digest: str
    """Of family, paths, digests and sizes together."""
    family: str
    parameters: int
    size_label: str
    context_length: int
    base: str
    """Of an adapter: the digest of the version that it belongs to."""
    files: Mapping[str, str] = field(repr=False)
    """Digests by path."""

    @property
    def statement(self) -> str:
        """The content of ``colonnade-seal.json``."""
        said = {name: getattr(self, name) for name in _STATED}
        return json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"

    @property
    def resources(self) -> dict[str, str]:
        """The SHA-256 of every file that is signed, in hexadecimal, by path in the order of the library."""
        statement = hashlib.sha256(self.statement.encode()).hexdigest()
        all_files = {path: digest.removeprefix("sha256:") for path, digest in self.files.items()}
        all_files[STATEMENT] = statement
        return {path: all_files[path] for path in sorted(all_files, key=lambda path: path.split("/"))}


def files_of(files: Iterable[File]) -> dict[str, str]:
    return {each.path: each.digest for each in files}


def root_of(digests: Iterable[str]) -> str:
    """One digest over those of all files, in their order."""
    whole = hashlib.sha256()
    for digest in digests:
        whole.update(bytes.fromhex(digest))
    return whole.hexdigest()


def authenticated(payload: bytes) -> bytes:
    """What is signed of a payload: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
