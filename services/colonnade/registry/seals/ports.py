"""What is known of seals, who makes them, and where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from colonnade.registry.domain import Manifest
from colonnade.security.seals import Sealed


@dataclass(frozen=True, slots=True)
class Seal:
    """``key`` is the id of the one that made it."""

    version: int
    key: str
    sealed_at: datetime
    sealed_by: str
    bundle: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Owned:
    """A version with its model's owner, and its seal if it has one."""

    manifest: Manifest
    tenant: str
    seal: Seal | None = None

    @property
    def sealed(self) -> Sealed:
        """What a seal of it is over."""
        found, content = self.manifest, self.manifest.content
        return Sealed(
            name=found.name,
            version=found.version,
            tenant=self.tenant,
            digest=found.digest,
            family=content.family,
            parameters=content.parameters,
            size_label=content.size_label,
            context_length=content.context_length,
            base=content.base,
            files={each.path: each.digest for each in content.artefacts},
        )


class Sealer(Protocol):
    """Signs with the registry's key. Takes so little time that it may be asked within a transaction."""

    @property
    def key(self) -> str:
        """Its id."""
        ...

    @property
    def public_key(self) -> str:
        """PEM."""
        ...

    def seal(self, owned: Owned) -> str:
        """The bundle. ``Conflict`` for content that does not have the digest it is named by."""
        ...


class Marker(Protocol):
    """Remembers, elsewhere than in the database, that something was done."""

    def is_set(self) -> bool: ...

    def set(self) -> None: ...


class SealStore(Protocol):
    """Every method is one transaction."""

    async def list_seals(self, model: str, *, limit: int) -> Sequence[tuple[int, Seal | None]]:
        """Of the model's versions, newest first; the bundles are left out."""
        ...

    async def find(self, model: str, version: int) -> Owned | None: ...

    async def find_content(self, digest: str) -> Owned | None:
        """Under the name where it was registered first."""
        ...

    async def sign(self, model: str, version: int, *, by: str, at: datetime) -> Seal:
        """Instead of the seal that is there. ``NotFound`` for an unknown version."""
        ...

    async def has_unsealed(self) -> bool: ...

    async def sign_unsealed(self, *, by: str, at: datetime) -> int:
        """Signs every version that has no seal, but those whose content is not what it should be; returns how
        many. No transaction, but one a version."""
        ...
