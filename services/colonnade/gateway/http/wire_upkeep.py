"""Upkeep of the registry as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from colonnade.gateway.http.described import Events
from colonnade.gateway.http.strict import Strict
from colonnade.gateway.http.wire_errors import Refusal


class CollectBody(Strict):
    dry_run: bool = Field(default=False, description="Only says what would be removed.")


class BackupBody(Strict):
    to: str = Field(
        default="", description="A name below COLONNADE_REGISTRY_BACKUP_ROOT; empty: that itself."
    )
    keep: int = Field(
        default=0,
        description="How many of the backups there stay, with this one; 0: all.",
        json_schema_extra={"minimum": 0, "maximum": 10_000},
    )


class Collected(BaseModel):
    looked_at: int = Field(description="Files, so far.")
    removed: int = Field(description="Or, in a dry run, what would be.")
    removed_bytes: int
    waiting: int = Field(description="Nothing names them, but not for long enough.")
    done: bool


class BackedUp(BaseModel):
    stage: str = Field(description="records, blobs, list or done.")
    fraction: float = Field(description="Of the files, from 0 to 1.")
    copied: int = Field(description="Files.")
    copied_bytes: int
    kept: int = Field(description="Files that an earlier backup had brought.")
    dropped: int = Field(description="Earlier backups that made room.")
    name: str
    digest: str = Field(description="Of the backup's list, in the last one.")
    at: datetime | None = Field(description="The moment that it shows.")


COLLECT_EVENTS = Events(
    Collected,
    [{"looked_at": 40, "removed": 2, "removed_bytes": 81920, "waiting": 1, "done": True}],
    error=Refusal,
)
BACKUP_EVENTS = Events(
    BackedUp,
    [
        {
            "stage": "blobs", "fraction": 0.5, "copied": 3, "copied_bytes": 81920, "kept": 12, "dropped": 0,
            "name": "20300102T030405.678901Z", "digest": "", "at": "2030-01-02T03:04:05.678901Z",
        }
    ],
    error=Refusal,
)  # fmt: skip
