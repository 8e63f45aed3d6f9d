"""What versions are made of. A version's identity is the digest of its content."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Self

from colonnade.errors import InvalidArgument
from colonnade.registry.domain.bounds import in_range
from colonnade.security.inputs import check_count, check_size, relative_artefact_path, size_label
from colonnade.security.inputs import digest as check_digest
from colonnade.storage.versions import version_digest

ENCODERS = ("encoder",)
"""Families that embed and do not generate: what a request for vectors means where it names no model, and no
other request."""
ADAPTER_FAMILY = "lora"
MAX_ARTEFACTS = 4096
_MAX_TOTAL_BYTES = 2**50
_MAX_COUNT = 2**53
_MAX_CONTEXT = 2**31 - 1
_MAX_FAMILY = 64


@dataclass(frozen=True, slots=True, order=True)
class Artefact:
    """One file of a version: ``path`` inside it, ``sha256:<64 hex>`` of its content."""

    path: str
    digest: str
    size_bytes: int

    def __post_init__(self) -> None:
        relative_artefact_path(self.path, "artefacts.path")
        check_digest(self.digest, "artefacts.digest")
        check_size(self.size_bytes, _MAX_TOTAL_BYTES, "artefacts.size_bytes")


@dataclass(frozen=True, slots=True)
class Content:
    """What a version is made of, with the facts that its own ``colonnade.json`` states."""

    family: str
    parameters: int
    size_label: str
    context_length: int
    artefacts: tuple[Artefact, ...]
    """Sorted by path."""
    base: str = ""
    """Digest of the version that an adapter belongs to; empty for a model."""

    @classmethod
    def of(
        cls,
        *,
        family: str,
        parameters: int,
        size: str,
        context_length: int,
        artefacts: Collection[Artefact],
        base: str = "",
    ) -> Self:
        """Checks everything. Raises ``InvalidArgument`` or ``TooLarge``."""
        if not family.isidentifier() or not family.isascii() or len(family) > _MAX_FAMILY:
            raise InvalidArgument("family must be an identifier", field="family", limit=_MAX_FAMILY)
        in_range("parameters", parameters, 1, _MAX_COUNT)
        in_range("context_length", context_length, 1, _MAX_CONTEXT)
        if bool(base) != (family == ADAPTER_FAMILY):
            raise InvalidArgument("an adapter has a base and a model has none", field="base")
        if base:
            check_digest(base, "base")
        check_count(len(artefacts), MAX_ARTEFACTS, "artefacts")
        ordered = tuple(sorted(artefacts))
        if not ordered or len({artefact.path for artefact in ordered}) != len(ordered):
            raise InvalidArgument("artefacts must be there, each path once", field="artefacts")
        return cls(family, parameters, size_label(size, "size_label"), context_length, ordered, base)

    @property
    def digest(self) -> str:
        return version_digest(self.family, self.artefacts)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version's content under its name and number."""

    name: str
    version: int
    digest: str
    content: Content


@dataclass(frozen=True, slots=True)
class Version:
    manifest: Manifest
    created_at: datetime
    created_by: str
    source: str
    """What it was made from, by its name: everybody sees it, and may search by it."""
    source_digest: str


def source_name(source: str) -> str:
    """Without the folder, the address, and what an address was asked with: some let in whoever has it."""
    address = source.partition("?")[0].partition("#")[0] if "://" in source else source
    return PurePath(address).name


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is about to be registered; the store gives it its number."""

    name: str
    content: Content
    source: str
    source_digest: str
    description: str
    created_at: datetime
    created_by: str
    card: str = ""
    """What is said of it, in Markdown, where its source brings that along."""

    @property
    def tenant(self) -> str:
        """Whose the model is, if this is its first version."""
        return self.created_by.partition("/")[0]

    def numbered(self, version: int) -> Version:
        manifest = Manifest(self.name, version, self.content.digest, self.content)
        return Version(manifest, self.created_at, self.created_by, self.source, self.source_digest)
