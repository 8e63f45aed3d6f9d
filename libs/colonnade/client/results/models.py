"""What the registry knows of models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AliasTarget:
    version: int
    weight: int = 100
    """Percent of requests; the targets of an alias add up to 100."""


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    targets: tuple[AliasTarget, ...]
    revision: int = 0
    """Grows by one at each move."""
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a version."""

    path: str
    digest: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version of a model in the registry."""

    name: str
    version: int
    digest: str
    family: str
    parameters: int = 0
    size_label: str = ""
    context_length: int = 0
    size_bytes: int = 0
    created_at: datetime | None = None
    created_by: str = ""
    source: str = ""
    source_digest: str = ""
    base: str = ""
    """Of an adapter: the digest of the model version that it belongs to."""
    artefacts: tuple[Artefact, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """``versions`` is filled by ``models.get``, newest first, and empty in ``models.list``."""

    name: str
    description: str = ""
    latest_version: int = 0
    """0: it has none yet."""
    size_label: str = ""
    aliases: tuple[Alias, ...] = ()
    versions: tuple[Version, ...] = ()
    created_at: datetime | None = None
    family: str = ""
    """Of the latest version; ``lora`` is an adapter."""
    base: str = ""
    tenant: str = ""
    """Whose it is: its people alone change it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Filled by ``models.get`` and ``models.search``, as is ``updated_at``."""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the models, and where to go on; an empty token ends the list."""

    models: tuple[Model, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class ImportProgress:
    stage: str
    """``queued``, ``read``, ``convert``, ``store``, ``register`` or ``done``."""
    fraction: float = 0.0
    """Of the stage, 0 to 1."""
    message: str = ""
    version: Version | None = None
    """In the last one."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version that an engine loads ahead of its requests."""

    name: str
    version: int
    digest: str
    state: str
    """``loading`` or ``ready``."""
    seconds: float = 0.0
    """Since it was asked for."""
    memory_bytes: int = 0
    """That it takes on its engine, once it is ready."""
