"""The registry's settings: ``COLONNADE_REGISTRY_*`` and those of every process."""

import os
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from colonnade.registry.drafts.draft import Bounds
from colonnade.registry.imports import MAX_WAITING
from colonnade.rpc import ProcessSettings
from colonnade.security.inputs import alias_name
from colonnade.storage.blobs import MAX_BLOB_BYTES
from colonnade.storage.sql import CONNECTIONS, sqlite_url
from colonnade.supervise.defaults import METRICS_PORTS
from colonnade.supervise.home import Home


class RegistrySettings(ProcessSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="COLONNADE_REGISTRY_")
    service: ClassVar[str] = "registry"

    database_url: str = Field(default="", repr=False)
    """``postgresql://user:password@host/name``; empty means ``registry.db`` in the service's data folder."""
    database_connections: int = Field(default=CONNECTIONS, ge=2, le=1000)
    """To a server, at most."""
    import_roots: str = ""
    """Folders that models may be imported from, separated as in PATH. Empty means the owner's home folder and
    the folder that the service was started in: right for a laptop. On a cluster, name one that holds models
    and nothing else."""
    default_model: str = ""
    """The reference that stands for "no model named"; empty means the model promoted last."""
    import_seconds: float = Field(default=4 * 3600, gt=0)
    """How long one conversion may take."""
    metrics_port: int = Field(default=METRICS_PORTS["registry"], ge=0, le=65535)
    import_threads: int = Field(default=1, ge=1, le=1024)
    max_waiting_imports: int = Field(default=MAX_WAITING, ge=0, le=1000)
    policies_dir: Path | None = None
    """A folder of rollouts' policies, each a ``<name>.yaml``; beside those that come with the platform."""
    probes_dir: Path | None = None
    """A folder of what their gates ask, each a ``<name>.json``."""
    default_policy: str = "careful"
    """Of a rollout that names none."""
    guarded_aliases: str = ""
    """Names of aliases, separated by commas, that only rollouts move once they are there: ``production``."""
    rollout_tick_seconds: float = Field(default=0.5, gt=0, le=60)
    """How often a rollout under way is looked at."""
    rollout_lease_seconds: float = Field(default=15, gt=1, le=3600)
    """After which another registry goes on with the rollouts of one that died."""
    event_poll_seconds: float = Field(default=1, gt=0, le=60)
    """How soon events that other registries of one database write are seen at the latest."""
    event_days: float = Field(default=0, ge=0, le=36_500)
    """After which events are forgotten; 0 is never."""
    max_event_watchers: int = Field(default=64, ge=1, le=10_000)
    """Streams of events at once."""
    webhook_urls: str = ""
    """Where webhooks may lead, separated by commas: ``https://hooks.example.com``, ``https://*.example.org:8443``;
    ``https+private://build.internal`` for one with a private address. Empty means nowhere."""
    webhook_give_up_seconds: float = Field(default=24 * 3600, gt=0, le=30 * 24 * 3600)
    """For which a receiver may fail until its webhook is given up."""
    webhook_lease_seconds: float = Field(default=15, gt=1, le=3600)
    """After which another registry goes on with the webhooks of one that died."""
    signing_key: Path | None = None
    """PEM of the private key that signs versions (P-256, P-384, P-521); None: one of the registry's own, made
    at its first start."""
    signing_key_password: SecretStr = SecretStr("")
    """Of that file, where it is encrypted."""
    encryption_key_file: Path | None = None
    """Of keys that secrets in the database are sealed with, one a line, the first seals; None: one of the
    registry's own, made at its first start."""
    max_blob_bytes: int = Field(default=MAX_BLOB_BYTES, ge=1)
    """The largest file of a model."""

    collect_hours: float = Field(default=24, ge=0, le=24 * 365)
    """How often blobs that nothing names are collected; 0 is never by itself."""
    collect_grace_hours: float = Field(default=24, ge=0, le=24 * 365)
    """How long nothing has named a blob before it is."""
    backup_root: str = ""
    """Where backups may be: a folder, or ``s3://bucket/prefix``; empty means ``backups`` in home."""

    import_urls: str = ""
    """Where models may be fetched from, separated by commas: ``https://models.example.com``,
    ``https://*.example.org:8443``; ``http+private://127.0.0.1:*`` for one with a private address. Empty means
    nowhere."""
    max_fetch_bytes: int = Field(default=128 * 1024**3, ge=1)
    """Of a model from a URL, all its files together."""
    max_draft_bytes: int = Field(default=512 * 1024**3, ge=1)
    """Of all files that are uploaded for one version."""
    max_spool_bytes: int = Field(default=1024**4, ge=1)
    """Of all uploads that are not sealed yet."""
    max_drafts: int = Field(default=1000, ge=1, le=100_000)
    """Versions in the making at once."""
    draft_days: float = Field(default=7, gt=0, le=3650)
    """After which a draft that nobody touched is discarded."""

    @property
    def backups(self) -> str:
        return self.backup_root or str(Home(self.home).root / "backups")

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.data / "registry.db")

    @property
    def own_signing_key(self) -> Path:
        return self.data / "signing-key.pem"

    @property
    def own_encryption_keys(self) -> Path:
        return self.data / "encryption-keys"

    @property
    def sealed_once(self) -> Path:
        """Says that versions from before there were seals have theirs."""
        return self.data / "sealed-once"

    @property
    def guarded(self) -> frozenset[str]:
        named = [part.strip() for part in self.guarded_aliases.split(",") if part.strip()]
        return frozenset(alias_name(name, "COLONNADE_REGISTRY_GUARDED_ALIASES") for name in named)

    @property
    def roots(self) -> tuple[Path, ...]:
        named = [Path(part).expanduser() for part in self.import_roots.split(os.pathsep) if part.strip()]
        return tuple(named) or (Path.home(), Path.cwd())

    @property
    def workspaces(self) -> Path:
        return self.data / "imports"

    @property
    def spool(self) -> Path:
        return self.data / "drafts"

    @property
    def draft_bounds(self) -> Bounds:
        return Bounds(self.max_draft_bytes, self.max_spool_bytes, self.max_drafts)
