"""Models and versions as MLflow shows them: stages are aliases with fixed names, runs are tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.catalogue import VersionRecord
from colonnade.gateway.domain.models import Alias

PRODUCTION, STAGING, ARCHIVED, NONE = "Production", "Staging", "Archived", "None"
STAGES = (PRODUCTION, STAGING, ARCHIVED, NONE)
ALIAS_OF: Mapping[str, str] = {PRODUCTION: "production", STAGING: "staging"}
"""The other stages are the absence of these."""
RUN_ID, RUN_LINK, MODEL_ID = "mlflow.run_id", "mlflow.run_link", "mlflow.model_id"
HIDDEN = frozenset({RUN_ID, RUN_LINK, MODEL_ID})
"""Tags that MLflow shows as fields of their own."""
READY, PENDING, FAILED = "READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"
IS_PROMPT = "mlflow.prompt.is_prompt"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    name: str
    version: int
    status: str = READY
    status_message: str = ""
    description: str = ""
    source: str = ""
    user: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def stage(self) -> str:
        return next((stage for stage, alias in ALIAS_OF.items() if alias in self.aliases), NONE)

    @classmethod
    def of(cls, record: VersionRecord) -> "ModelVersion":
        version = record.version
        return cls(
            name=version.name,
            version=version.version,
            description=record.description,
            source=PurePath(version.source).name,
            user=version.created_by,
            tags=record.tags,
            aliases=record.aliases,
            created_at=version.created_at,
            updated_at=record.updated_at,
        )


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    latest: tuple[ModelVersion, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VersionOrder:
    """A version that is to be made."""

    name: str
    source: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A search in MLflow's words."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    most: int = 100
    page_token: str = ""


def stage_named(name: str) -> str:
    """In whatever case it is written."""
    for stage in STAGES:
        if stage.lower() == name.strip().lower():
            return stage
    raise InvalidArgument(f"stage must be one of {', '.join(STAGES)}", field="stage", limit=list(STAGES))


def meant(alias: Alias) -> int:
    """The one version that MLflow shows for an alias: the one with most weight; of equals the oldest."""
    return min(alias.targets, key=lambda target: (-target.weight, target.version)).version


def main_versions(aliases: Sequence[Alias]) -> dict[str, int]:
    return {alias.name: meant(alias) for alias in aliases if alias.targets}
