"""What is said of models and versions beside their files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.gateway.domain.models import Model, Version


@dataclass(frozen=True, slots=True)
class Metric:
    key: str
    value: float
    step: int = 0
    at: datetime | None = None
    """None: now."""
    dataset: str = ""
    """Digest of what it was measured on."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    model: Model
    tags: Mapping[str, str] = field(default_factory=dict)
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VersionRecord:
    version: Version
    tenant: str
    """Of its model."""
    description: str = ""
    card: str = ""
    """Markdown, as its author wrote it; in what ``get_version`` finds."""
    signature: str = ""
    """JSON: ``{"inputs": [...], "outputs": [...], "params": [...]}``."""
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    """By key, then step."""
    aliases: tuple[str, ...] = ()
    """That point at it."""
    updated_at: datetime | None = None
    revision: int = 0
    """Grows by one with each change of what is said of it."""


@dataclass(frozen=True, slots=True)
class ModelChange:
    """What is not given stays."""

    description: str | None = None
    set_tags: Mapping[str, str] = field(default_factory=dict)
    remove_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What is not given stays."""

    description: str | None = None
    card: str | None = None
    signature: str | None = None
    set_tags: Mapping[str, str] = field(default_factory=dict)
    remove_tags: tuple[str, ...] = ()
    add_metrics: tuple[Metric, ...] = ()
    """A value of the same key, step and data set takes the place of the one before."""
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """``filter`` as in ``docs/registry.md``; empty: everything."""

    filter: str = ""
    order_by: str = ""
    page_size: int = 100
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class FoundModels:
    records: tuple[ModelRecord, ...]
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class FoundVersions:
    """Without cards."""

    records: tuple[VersionRecord, ...]
    next_page_token: str = ""
