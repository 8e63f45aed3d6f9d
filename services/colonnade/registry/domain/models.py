"""Models, and what a reference to one of their versions means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.registry.domain.aliases import DEFAULT_ALIAS, Alias
from colonnade.registry.domain.content import Manifest
from colonnade.security.identity import HOME_TENANT
from colonnade.security.inputs import model_reference
from colonnade.security.inputs.catalogue import MAX_VERSION


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    description: str
    aliases: tuple[Alias, ...]
    latest_version: int
    """0: it has none."""
    created_at: datetime
    size_label: str
    """Of the latest version, as are the next two; empty where there is none."""
    family: str
    base: str = ""
    tenant: str = HOME_TENANT
    """Whose it is."""


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

    def __post_init__(self) -> None:
        if self.version > MAX_VERSION:
            raise InvalidArgument(
                f"a version's number is {MAX_VERSION} at most", field="version", limit=MAX_VERSION
            )

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


def unknown_model(name: str, renamed_to: str = "") -> NotFound:
    """``renamed_to`` is what the model of that name is called now, if it was renamed."""
    if renamed_to:
        return NotFound(
            f"there is no model {name}; it was renamed to {renamed_to}", field="model", renamed_to=renamed_to
        )
    return NotFound(f"there is no model {name}; list the models to see which there are", field="model")


def check_owner(model: str, owner: str, tenant: str) -> None:
    """``PermissionDenied`` unless people of ``tenant`` may change the model, that ``owner`` has."""
    if tenant not in (owner, HOME_TENANT):
        raise PermissionDenied(
            f"the model {model} belongs to the tenant {owner}; its people alone change it", field="model"
        )


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
    if known is not None and known.latest_version and bool(known.base) != bool(base):
        kind = "adapters" if known.base else "a model"
        raise Conflict(f"the name {name} is that of {kind}; choose another", field="name")
