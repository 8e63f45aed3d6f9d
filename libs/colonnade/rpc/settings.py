"""Settings that every process of the platform has."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from colonnade.errors import InvalidArgument
from colonnade.security.audit import AuditLog
from colonnade.security.envelope import Keyring
from colonnade.storage.blobs.place import CACHE_BYTES, BlobPlace
from colonnade.supervise.defaults import DRAIN_SECONDS
from colonnade.supervise.home import DEFAULT, MAX_SOCKET_PATH, Home
from colonnade.telemetry.logs import LEVELS


class ProcessSettings(BaseSettings):
    """Subclasses set ``service`` and ``env_prefix="COLONNADE_<SERVICE>_"``; the names below hold for all."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")
    service: ClassVar[str]

    home: Path = Field(default=Path(DEFAULT), validation_alias="COLONNADE_HOME")
    identity_dir: Path | None = Field(default=None, validation_alias="COLONNADE_IDENTITY_DIR")
    log_level: str = Field(default="info", validation_alias="COLONNADE_LOG_LEVEL")
    otlp_endpoint: str = Field(default="", validation_alias="COLONNADE_OTLP_ENDPOINT")
    registry_address: str = Field(default="", validation_alias="COLONNADE_REGISTRY_ADDRESS")
    inference_address: str = Field(default="", validation_alias="COLONNADE_INFERENCE_ADDRESS")
    training_address: str = Field(default="", validation_alias="COLONNADE_TRAINING_ADDRESS")
    memory_address: str = Field(default="", validation_alias="COLONNADE_MEMORY_ADDRESS")
    ethics_address: str = Field(default="", validation_alias="COLONNADE_ETHICS_ADDRESS")
    engine_addresses: str = Field(default="", validation_alias="COLONNADE_ENGINE_ADDRESSES")

    audit_encryption_key_file: Path | None = Field(
        default=None, validation_alias="COLONNADE_AUDIT_ENCRYPTION_KEY_FILE"
    )
    """What the keys of people in audit logs are sealed with; none: they lie beside the logs as they are."""

    erasures_dir: Path | None = Field(default=None, validation_alias="COLONNADE_MEMORY_ERASURES_DIR")
    """What erasures leave, which is in no backup of ``data`` and ``audit``; None: ``erasures`` below home."""

    blobs_url: str = Field(default="", validation_alias="COLONNADE_BLOBS_URL")
    """``s3://bucket/prefix``; empty means the folder below home."""
    blobs_cache_dir: Path | None = Field(default=None, validation_alias="COLONNADE_BLOBS_CACHE_DIR")
    blobs_cache_bytes: int = Field(default=CACHE_BYTES, ge=1, validation_alias="COLONNADE_BLOBS_CACHE_BYTES")

    listen: str = ""
    """``unix:/path`` or ``host:port``; empty means a socket below home."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Prometheus metrics on loopback; 0 is off."""
    metrics_host: str = "127.0.0.1"
    drain_seconds: float = Field(default=DRAIN_SECONDS, ge=0)
    """How long running calls may take to finish after SIGTERM."""

    @field_validator("home", "identity_dir", "audit_encryption_key_file", "erasures_dir", "blobs_cache_dir")
    @classmethod
    def _expand(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.lower() not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return level.lower()

    @property
    def identity(self) -> Path:
        return self.identity_dir or Home(self.home).identity

    @property
    def data(self) -> Path:
        """This service's own folder."""
        return Home(self.home).data(self.service)

    @property
    def audit(self) -> Path:
        """This service's own audit log."""
        return Home(self.home).audit(self.service)

    @property
    def audit_keyring(self) -> Keyring | None:
        """Raises ``InvalidArgument`` where its file cannot be read."""
        named = self.audit_encryption_key_file
        return Keyring.read(named, "COLONNADE_AUDIT_ENCRYPTION_KEY_FILE") if named else None

    def opened_audit(self) -> AuditLog:
        """This service's own audit log, which notes apart from it whose keys were destroyed. Close it."""
        destroyed = self.erasures / f"audit-{self.service}.destroyed"
        return AuditLog(self.audit, self.service, keyring=self.audit_keyring, destroyed=destroyed)

    @property
    def erasures(self) -> Path:
        return self.erasures_dir or Home(self.home).erasures

    @property
    def blobs(self) -> BlobPlace:
        """Written by the registry alone."""
        home = Home(self.home)
        cache = self.blobs_cache_dir or home.blob_cache
        return BlobPlace(self.blobs_url, home.blobs, cache, self.blobs_cache_bytes)

    @property
    def address(self) -> str:
        """Where this service listens."""
        return self.listen or self.socket(self.service)

    @property
    def registry(self) -> str:
        return self.registry_address or self.socket("registry")

    @property
    def inference(self) -> str:
        return self.inference_address or self.socket("inference")

    @property
    def training(self) -> str:
        return self.training_address or self.socket("training")

    @property
    def memory(self) -> str:
        return self.memory_address or self.socket("memory")

    @property
    def ethics(self) -> str:
        return self.ethics_address or self.socket("ethics")

    @property
    def engines(self) -> tuple[str, ...]:
        """Those that are known from the start; ``none`` says that there are no such."""
        listed = tuple(part.strip() for part in self.engine_addresses.split(",") if part.strip())
        return () if listed == ("none",) else listed or (self.socket("engine"),)

    def socket(self, service: str) -> str:
        """The address of a service's socket below home."""
        path = str(Home(self.home).socket(service))
        if len(path.encode()) > MAX_SOCKET_PATH:
            raise InvalidArgument(
                f"COLONNADE_HOME is too long for sockets below it ({len(path.encode())} bytes, at most "
                f"{MAX_SOCKET_PATH}); choose a shorter folder",
                field="COLONNADE_HOME",
                limit=MAX_SOCKET_PATH,
            )
        return f"unix:{path}"
