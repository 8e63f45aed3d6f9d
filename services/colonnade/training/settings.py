"""The training service's settings: ``COLONNADE_TRAINING_*`` and those of every process."""

import sys
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from colonnade.storage.sql import CONNECTIONS, sqlite_url
from colonnade.supervise.defaults import METRICS_PORTS
from colonnade.training.dispatcher import Rules
from colonnade.training.publishing.errands import Pace
from colonnade.training.queue import Slots
from colonnade.training.runner_settings import RunnerSettings
from colonnade.training.service import MAX_WATCHERS, MOST_QUEUED, Bounds
from colonnade.training.worker_recipe import Reads


class TrainingSettings(RunnerSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="COLONNADE_TRAINING_")
    service: ClassVar[str] = "training"

    metrics_port: int = Field(default=METRICS_PORTS["training"], ge=0, le=65535)
    database_url: str = Field(default="", repr=False)
    """``postgresql://user:password@host/name``; empty means ``training.db`` in the service's data folder."""
    database_connections: int = Field(default=CONNECTIONS, ge=2, le=1000)
    """To a server, at most."""
    jobs_dir: Path | None = None
    """Of the jobs' folders; None: ``jobs`` in the service's data folder."""
    work_dir: Path | None = None
    """Where relative paths in recipes begin; None: the folder that the service was started in."""

    slots: int = Field(default=1, ge=1, le=1024)
    """Workers at once."""
    tenant_share: float = Field(default=1.0, gt=0, le=1)
    """Of the slots, that one tenant may have; at least one slot."""
    max_queued: int = Field(default=MOST_QUEUED, ge=1, le=100_000)
    """Jobs of one tenant that wait."""
    max_lost: int = Field(default=3, ge=0, le=100)
    """Workers of a job in a row that may end without an ending; then it has failed."""
    grace_seconds: float = Field(default=60, ge=0, le=3600)
    """For a worker to end with a checkpoint, before it is killed."""
    silent_seconds: float = Field(default=600, ge=10, le=7 * 24 * 3600)
    """After which a worker on a machine that cannot be seen is given up."""
    tick_seconds: float = Field(default=0.5, gt=0, le=60)
    """How often workers and the queue are looked at."""
    lease_seconds: float = Field(default=30, ge=5, le=3600)
    """After which another service hands out work in place of one that died."""
    max_watchers: int = Field(default=MAX_WATCHERS, ge=1, le=10_000)
    """Streams of metrics and logs at once."""

    reads: str = ""
    """Folders, and beginnings of URLs, that recipes may read from, separated by commas: ``/data,s3://corpora/``.
    Empty means the owner's home folder, the work folder, and any object store that workers have credentials
    for: right for a laptop. What begins with a dot, and what is the platform's own, is never read."""
    rights_days: float = Field(default=30, gt=0, le=3650)
    """How long those of whoever submitted or resumed a job count: what it made later is not registered until
    somebody resumes it."""
    retry_seconds: float = Field(default=60, ge=0.01, le=3600)
    """How often, at the least, it is looked whether a registry that was away is back."""

    worker_python: str = ""
    """The Python that has the extra ``learn``; empty: the service's own, and ``python`` on a cluster."""
    worker_threads: int = Field(default=0, ge=0, le=1024)
    """Of a worker; 0: as many as torch takes."""
    worker_environment: str = ""
    """Names of variables, separated by commas, that workers get from the service: ``AWS_ACCESS_KEY_ID``."""

    @field_validator("jobs_dir", "work_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.data / "training.db")

    @property
    def jobs(self) -> Path:
        return self.jobs_dir or self.data / "jobs"

    @property
    def work(self) -> Path:
        return self.work_dir or Path.cwd()

    @property
    def rules(self) -> Rules:
        return Rules(
            Slots(self.slots, self.tenant_share), self.max_lost, self.grace_seconds, self.silent_seconds,
            self.lease_seconds, self.tick_seconds,
        )  # fmt: skip

    @property
    def pace(self) -> Pace:
        return Pace(min(1.0, self.retry_seconds), self.retry_seconds)

    @property
    def may_read(self) -> Reads:
        said = [part for each in self.reads.split(",") if (part := each.strip())]
        never = (self.home, self.jobs)
        if not said:
            return Reads((Path.home(), self.work), ("s3://", "gs://", "az://"), never)
        urls = [each for each in said if "://" in each]
        return Reads([Path(each).expanduser().absolute() for each in said if each not in urls], urls, never)

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.max_queued, self.max_watchers, self.tick_seconds)

    @property
    def python(self) -> str:
        return self.worker_python or sys.executable

    @property
    def passed_on(self) -> tuple[str, ...]:
        return tuple(name for part in self.worker_environment.split(",") if (name := part.strip()))
