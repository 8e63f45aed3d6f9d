"""What a registry holds, and what is always true of it.

A model has immutable versions, numbered from 1. A version's identity is the digest of its content. An alias
points at versions of one model with weights that add up to 100; each move gives it the next revision, also
across its deletion, so that a revision never means two things.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.security.inputs import (
    alias_name,
    check_count,
    check_size,
    model_reference,
    relative_artefact_path,
    size_label,
)
from colonnade.security.inputs import digest as check_digest
from colonnade.security.inputs.catalogue import MAX_ALIAS_TARGETS, MAX_VERSION
from colonnade.storage.versions import version_digest

DEFAULT_ALIAS = "production"
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
        _in_range("parameters", parameters, 1, _MAX_COUNT)
        _in_range("context_length", context_length, 1, _MAX_CONTEXT)
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
    """What it was made from, as given."""
    source_digest: str


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

    def numbered(self, version: int) -> Version:
        manifest = Manifest(self.name, version, self.content.digest, self.content)
        return Version(manifest, self.created_at, self.created_by, self.source, self.source_digest)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    version: int
    weight: int
    """Percent."""


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    targets: tuple[Target, ...]
    """Sorted by version; empty only in what is kept of a deleted alias."""
    revision: int
    updated_at: datetime
    updated_by: str

    @property
    def exists(self) -> bool:
        return bool(self.targets)

    def deleted(self, *, by: str, at: datetime) -> "Alias":
        return replace(self, targets=(), revision=self.revision + 1, updated_at=at, updated_by=by)


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    description: str
    aliases: tuple[Alias, ...]
    latest_version: int
    created_at: datetime
    size_label: str
    """Of the latest version, as are the next two."""
    family: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """A reference's versions with their weights; ``alias`` is empty where a version was named."""

    name: str
    alias: str
    targets: tuple[tuple[Manifest, int], ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """One of ``alias`` and ``version`` is set."""

    name: str
    alias: str = ""
    version: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``name`` (its alias ``production``), ``name@alias`` or ``name:3``."""
        model_reference(text)
        name, colon, number = text.partition(":")
        if colon:
            return cls(name, version=int(number))
        name, at, alias = text.partition("@")
        return cls(name, alias=alias if at else DEFAULT_ALIAS)

    def __str__(self) -> str:
        return f"{self.name}:{self.version}" if self.version else f"{self.name}@{self.alias}"


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key of its owner, with what was asked under it."""

    owner: str
    key: str
    fingerprint: str

    def check(self, fingerprint: str) -> None:
        """``Conflict`` where the key was used for something else."""
        if fingerprint != self.fingerprint:
            raise Conflict(
                "the idempotency key was used for another import; use a new key for each one",
                field="idempotency_key",
            )


def check_targets(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets by version. They name each version once and their weights add up to 100."""
    if not 1 <= len(targets) <= MAX_ALIAS_TARGETS:
        raise InvalidArgument(
            f"targets must name 1 to {MAX_ALIAS_TARGETS} versions", field="targets", limit=MAX_ALIAS_TARGETS
        )
    for target in targets:
        _in_range("targets.version", target.version, 1, MAX_VERSION)
        _in_range("targets.weight", target.weight, 1, 100)
    if len({target.version for target in targets}) != len(targets):
        raise InvalidArgument("targets must name each version once", field="targets")
    total = sum(target.weight for target in targets)
    if total != 100:
        raise InvalidArgument(f"the targets' weights add up to {total}, not to 100", field="targets")
    return tuple(sorted(targets))


def moved(
    current: Alias | None,
    alias: str,
    targets: Sequence[Target],
    known_versions: Collection[int],
    *,
    expected_revision: int | None,
    by: str,
    at: datetime,
) -> Alias:
    """The alias after a move. ``current`` is what is kept of it now, if anything.

    ``expected_revision`` is the revision that the mover saw, 0 for none, or None to move it in any case.
    Raises ``Conflict`` where it is another one now, and ``NotFound`` for a version that the model has not.
    """
    name, ordered = alias_name(alias), check_targets(targets)
    found = current.revision if current and current.exists else 0
    if expected_revision is not None and expected_revision != found:
        raise Conflict(
            f"alias {name} is at revision {found}, not {expected_revision}; read it again and retry",
            field="expected_revision",
            revision=found,
        )
    missing = sorted({target.version for target in ordered} - set(known_versions))
    if missing:
        raise NotFound(f"the model has no version {missing[0]}", field="targets", version=missing[0])
    revision = (current.revision if current else 0) + 1
    return Alias(name, ordered, revision, at, by)


def unknown_model(name: str) -> NotFound:
    return NotFound(f"there is no model {name}; list the models to see which there are", field="model")


def base_of(reference: Reference, targets: Sequence[tuple[Manifest, int]]) -> Manifest:
    """The one version that an adapter's base means: its weights fit no other."""
    if not targets:
        raise NotFound(f"there is no version {reference} for the adapter to belong to", field="base")
    if len(targets) > 1:
        raise InvalidArgument(
            f"{reference} means {len(targets)} versions and an adapter belongs to one; name it, as in "
            f"{reference.name}:{targets[0][0].version}",
            field="base",
        )
    manifest = targets[0][0]
    if manifest.content.base:
        raise InvalidArgument(f"{reference} is an adapter itself; name a model version", field="base")
    return manifest


def check_kind(name: str, known: Model | None, base: str) -> None:
    """``Conflict`` where adapters would come under the name of a model, or the other way round."""
    if known is not None and bool(known.base) != bool(base):
        kind = "adapters" if known.base else "a model"
        raise Conflict(f"the name {name} is that of {kind}; choose another", field="name")


def alias_for_import(asked: str, aliases: Collection[str]) -> str:
    """Which alias an import moves: the one asked for, else the default one where the model has none yet."""
    if asked:
        return alias_name(asked)
    return "" if DEFAULT_ALIAS in aliases else DEFAULT_ALIAS


def _in_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidArgument(f"{field} must be {low} to {high}", field=field, limit=high)
