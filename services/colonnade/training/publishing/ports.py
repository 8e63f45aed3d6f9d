"""What publishing needs of the world. Every call says in whose name it is made."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from colonnade.errors import ColonnadeError
from colonnade.security.identity import Principal
from colonnade.training.domain import Job, ModelVersion


@dataclass(frozen=True, slots=True)
class File:
    """Of a version, by its path there."""

    path: str
    size_bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Known:
    """A version of the registry with its files."""

    version: ModelVersion
    files: Sequence[File]
    adapter: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A version in the making."""

    model: str
    number: int
    state: str
    """open, waiting, importing, ready, failed, discarded."""
    message: str = ""
    """Why it failed, or how far it is."""
    fraction: float = 0.0
    """Of the import's stage."""


@dataclass(frozen=True, slots=True)
class Metric:
    key: str
    value: float
    step: int
    at: float
    """Seconds since 1970."""
    dataset: str = ""
    """Digest of what it was measured on."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured of a version."""

    version: ModelVersion
    suite: str
    suite_digest: str
    """Of what it was measured on; may be empty."""
    results: Mapping[str, float]
    origin: str
    """The run."""


@dataclass(frozen=True, slots=True)
class Node:
    """Of the lineage."""

    kind: str
    id: str
    label: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` came from ``target``."""

    source: Node
    relation: str
    target: Node


class Registry(Protocol):
    """Every method may be called again after a crash at any point of it, to the same effect.

    All raise ``Unavailable`` while the registry is away."""

    async def resolve(self, who: Principal, reference: str) -> Known:
        """``NotFound``; ``InvalidArgument`` where it means several versions."""
        ...

    async def find(self, who: Principal, digest: str) -> Known:
        """What has that digest, where it is registered now. ``NotFound``."""
        ...

    def read(self, who: Principal, digest: str, offset: int) -> AsyncGenerator[bytes, None]:
        """A version's file."""
        ...

    async def begin(
        self, who: Principal, model: str, base: str, alias: str, key: str, source: str = ""
    ) -> Draft:
        """Under a known key, that draft. ``base`` is the version that an adapter belongs to: ``name:3``;
        ``alias`` means its version once that is there. What has a ``source`` is fetched from there."""
        ...

    async def look(self, who: Principal, draft: Draft) -> Draft:
        """As it is now."""
        ...

    async def discard(self, who: Principal, draft: Draft) -> None:
        """``Conflict`` where it has become a version."""
        ...

    async def announce(self, who: Principal, draft: Draft, file: File) -> int:
        """How many bytes of it are there."""
        ...

    async def write(
        self, who: Principal, draft: Draft, path: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> None: ...

    async def seal(self, who: Principal, draft: Draft) -> ModelVersion:
        """The version, made now or before; its number is another's where that has the same content."""
        ...

    async def describe(
        self,
        who: Principal,
        version: ModelVersion,
        description: str,
        tags: Mapping[str, str],
        metrics: Sequence[Metric],
    ) -> None: ...

    async def record(self, who: Principal, edges: Sequence[Edge]) -> None: ...

    async def evaluated(self, who: Principal, evaluation: Evaluation, key: str) -> None:
        """Under a known key nothing; ``Conflict`` where something else was said under it."""
        ...

    async def move(self, who: Principal, version: ModelVersion, alias: str) -> None:
        """The alias means the version alone; nothing where it does."""
        ...

    async def roll_out(
        self, who: Principal, version: ModelVersion, alias: str, policy: str, why: str, key: str
    ) -> None: ...


class Outputs(Protocol):
    """What workers left in their jobs' folders. Raises ``NotFound`` for what is not there."""

    async def result(self, job_id: str) -> Mapping[str, Any]:
        """What the run said at its end."""
        ...

    async def files(self, job_id: str, *, adapter: bool) -> Sequence[File]:
        """What a version is made of, hashed."""
        ...

    def read(self, job_id: str, path: str, offset: int, *, adapter: bool) -> AsyncGenerator[bytes, None]: ...


class Models(Protocol):
    """The registry's models in jobs' folders, for their workers to read."""

    def folder(self, job_id: str, field: str) -> Path:
        """Where the model of a recipe's field lies, once it is there."""
        ...

    async def there(self, job_id: str, field: str, version: ModelVersion) -> bool:
        """Whether all of that version is."""
        ...

    async def linked(self, job_id: str, field: str, file: File) -> bool:
        """Whether the file is there now, without being sent: linked from where the registry keeps it."""
        ...

    async def received(self, job_id: str, field: str, file: File) -> int:
        """How many bytes of it are there."""
        ...

    async def append(
        self, job_id: str, field: str, file: File, offset: int, chunks: AsyncIterable[bytes]
    ) -> None:
        """``Conflict`` where it is all there and is something else."""
        ...

    async def complete(self, job_id: str, field: str, version: ModelVersion) -> None: ...

    async def kept(self) -> Sequence[str]:
        """The jobs that have any."""
        ...

    async def take_away(self, job_id: str) -> None: ...


class Ledger(Protocol):
    """Where it is written down. Raises ``LeaseLost`` where another service does that by now."""

    async def brought(self, job: Job, field: str, version: ModelVersion) -> Job: ...

    async def sealed(self, job: Job, version: ModelVersion) -> Job: ...

    async def published(self, job: Job, words: str) -> None: ...

    async def waits(self, job: Job, why: ColonnadeError) -> None:
        """For something that is away."""
        ...

    async def not_published(self, job: Job, why: ColonnadeError) -> None: ...

    async def fetched(self, job: Job, fraction: float, words: str) -> None:
        """How far the registry is with what it fetches."""
        ...

    async def called_off(self, job: Job, words: str) -> None: ...

    async def not_called_off(self, job: Job, why: ColonnadeError) -> None: ...

    async def not_brought(self, job: Job, why: ColonnadeError) -> None: ...
