"""Models as the gateway shows them and draws from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Target:
    """One immutable version that may answer, and its share of the traffic in percent."""

    name: str
    version: int
    digest: str
    weight: int
    context_length: int = 0
    base: str = ""
    """Of an adapter: the digest of the version that it belongs to."""
    adapter: "Target | None" = None
    """Of a model: the adapter that has a part in the answer."""
    fallbacks: "tuple[Target, ...]" = ()
    """Who may answer instead, in this order, where no engine can answer with this version."""
    shadow: "Target | None" = None
    """Who gets a copy, whose answer is measured and thrown away."""

    @property
    def label(self) -> str:
        """As it stands in ``x-colonnade-model-version``."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Watched:
    """A rollout that is under way for an alias."""

    rollout: str
    phase: str
    """Another one as soon as what was seen before counts no more."""
    candidate: Target
    shadow_percent: int = 0
    """Of the requests, that the candidate gets a copy of."""
    stable: Target | None = None
    """Answers what the candidate fails before its first token."""

    def draws(self, target: Target) -> bool:
        """Whether this is the candidate, or the adapter in it is."""
        return (target.adapter or target).digest == self.candidate.digest


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a reference stands for now."""

    name: str
    alias: str
    targets: tuple[Target, ...]
    watched: Watched | None = None

    @property
    def digests(self) -> frozenset[str]:
        return frozenset(target.digest for target in self.targets)


@dataclass(frozen=True, slots=True)
class AliasTarget:
    version: int
    weight: int


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    targets: tuple[AliasTarget, ...]
    revision: int
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    description: str
    size_label: str
    latest_version: int
    """0: it has none."""
    aliases: tuple[Alias, ...]
    created_at: datetime | None = None
    family: str = ""
    base: str = ""
    tenant: str = ""
    """Whose it is: its people alone change it."""


@dataclass(frozen=True, slots=True)
class ModelPage:
    models: tuple[Model, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a version."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    name: str
    version: int
    digest: str
    family: str
    parameters: int
    size_label: str
    context_length: int
    size_bytes: int
    source: str
    source_digest: str
    created_by: str
    created_at: datetime | None = None
    base: str = ""
    artefacts: Sequence[Artefact] = ()


@dataclass(frozen=True, slots=True)
class ModelDetail:
    model: Model
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What the registry is asked to import."""

    source: str
    name: str
    alias: str = ""
    description: str = ""
    idempotency_key: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class ImportProgress:
    stage: str
    fraction: float
    message: str = ""
    version: Version | None = None
    """Only in the last one."""
