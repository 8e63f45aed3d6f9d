"""What the registry needs of the world, in its own words."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from colonnade.registry.domain import Alias, Draft, Manifest, Model, Reference, Target, Version
from colonnade.security.identity import Principal
from colonnade.security.inputs.once import Once


class VersionStore(Protocol):
    """Every method is one transaction; what it has returned from stays, whatever happens next."""

    async def list_models(self, *, after: str, limit: int) -> Sequence[Model]:
        """By name, those greater than ``after``."""
        ...

    async def find_model(self, name: str) -> Model | None: ...

    async def find_new_name(self, name: str) -> str:
        """What a model of that name was renamed to; empty where none was."""
        ...

    async def list_versions(self, name: str, *, limit: int) -> Sequence[Version]:
        """Newest first."""
        ...

    async def find_targets(self, reference: Reference) -> Sequence[tuple[Manifest, int]]:
        """The versions behind a reference with their weights, by number; none if there is no such thing."""
        ...

    async def find_manifest(self, digest: str) -> Manifest | None:
        """Under the name where that content was registered first."""
        ...

    async def find_promoted(self, size_label: str = "", *, encoders: bool = False) -> str | None:
        """The model whose alias ``production`` moved last, among those whose targets all have that size.

        Of a family of ``domain.ENCODERS`` if ``encoders``, else of another. Adapters are none: they answer
        together with their base alone."""
        ...

    async def register(
        self,
        draft: Draft,
        *,
        alias: str,
        once: Once | None = None,
        claim: str = "",
        reserved: int = 0,
        of_known_model: bool = False,
        guarded: bool = False,
    ) -> Version:
        """Registers a version, moves the alias to it and remembers the key: all or nothing.

        Equal content is there once a name: then the version that is there is taken. ``alias`` as in
        ``domain.alias_for_import``. ``claim`` is that on its files, see ``upkeep``. A draft that holds the
        number ``reserved`` is ready with it. A guarded alias is made, not moved. Raises ``Conflict`` where
        the key was used for something else, or where meanwhile the draft was ended, a known model or an
        adapter's base was taken away, or the name was taken for the other kind; ``Unavailable`` where its
        files may have been collected.
        """
        ...

    async def move_alias(
        self,
        name: str,
        alias: str,
        targets: Sequence[Target],
        *,
        expected_revision: int | None,
        by: str,
        at: datetime,
    ) -> Alias:
        """See ``domain.moved``. ``NotFound`` for an unknown model."""
        ...

    async def delete_alias(self, name: str, alias: str, *, by: str, at: datetime) -> None:
        """``NotFound`` where there is none."""
        ...

    async def recall(self, once: Once) -> Version | None:
        """What was registered under the key. ``Conflict`` where it was used for something else."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """``fraction`` of the stage, 0 to 1."""

    stage: str
    fraction: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion has written: files by their path inside the version, and its facts."""

    files: Mapping[str, Path]
    family: str
    parameters: int
    size_label: str
    context_length: int
    source_digest: str
    base: str = ""
    """Of an adapter: the digest of its base, as it stands in the files."""


@dataclass(frozen=True, slots=True)
class Base:
    """The model version that an adapter to be converted belongs to."""

    digest: str
    description: Path
    """Its colonnade.json."""
    config: Path
    """Its config.json."""


class Sources(Protocol):
    async def check(self, source: str) -> None:
        """Refuses what would never be brought, as far as that can be said at once."""
        ...

    def bring(self, source: str, folder: Path) -> AsyncGenerator[Progress | Path, None]:
        """The file or folder that a source means comes last, if it may be imported from; ``folder`` is where
        it is put where it is not on this machine."""
        ...


class Importer(Protocol):
    def workspace(self) -> AbstractAsyncContextManager[Path]:
        """An empty folder that is gone afterwards, on the blob store's file system where possible."""
        ...

    def convert(
        self, source: Path, out: Path, base: Base | None = None
    ) -> AsyncGenerator[Progress | Converted]:
        """Converts ``source``, with a ``base`` an adapter, into ``out``; ``Converted`` comes last.

        Closing the iterator stops the work."""
        ...


class AuditTrail(Protocol):
    """``colonnade.security.audit.AuditLog`` is one."""

    async def record(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> object:
        """Returns when the record is on the disk. Raises ``Unavailable`` where that cannot be."""
        ...

    def note(self, action: str, principal: Principal | None, outcome: str, **facts: Any) -> None:
        """Writes the record soon; where it cannot be written, nobody is stopped."""
        ...
