"""Settings of engines under Ray, read from ``COLONNADE_SERVING_*``."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from colonnade.errors import InvalidArgument
from colonnade.rpc import ProcessSettings
from colonnade.supervise.home import MAX_SOCKET_PATH, Home
from colonnade.supervise.machine import usable_cpus
from colonnade.supervise.replicas import MOST, Replicas


class ServingSettings(ProcessSettings):
    """Read by ``python -m colonnade.serving``, by ``colonnade.serving.app:build`` and by each replica."""

    model_config = SettingsConfigDict(env_prefix="COLONNADE_SERVING_", frozen=True, extra="ignore")
    service: ClassVar[str] = "serving"

    replicas: str = "1"
    """N, or MIN:MAX."""
    cpus: float = Field(default=0, ge=0)
    """Of each replica; 0 shares this machine's among the most replicas there may be."""
    gpus: float = Field(default=0, ge=0)
    """Of each replica."""
    target_requests: float = Field(default=16, gt=0)
    """Waiting and running, that each replica should have."""
    window_seconds: float = Field(default=15, gt=10)
    """Over which a replica's load is averaged; Ray wants more than 10."""
    upscale_seconds: float = Field(default=10, ge=0)
    """How long there must be too few replicas before there are more."""
    downscale_seconds: float = Field(default=300, ge=0)
    start_seconds: float = Field(default=600, gt=0)
    """How long an engine may take until it is ready."""
    port: int = Field(default=0, ge=0, le=65535 - MOST)
    """Of the first engine of a machine, the next ones count up; 0: sockets below home."""
    ray_address: str = ""
    """Of a cluster that runs; empty: one of our own, on this machine."""
    ray_dir: Path | None = None
    """Of a cluster of our own: its sockets and logs."""
    dashboard_port: int = Field(default=0, ge=0, le=65535)
    """Of a cluster of our own, on loopback; 0 is off."""

    @field_validator("replicas")
    @classmethod
    def _is_a_range(cls, text: str) -> str:
        try:
            return str(Replicas.parse(text))
        except InvalidArgument as error:
            raise ValueError(error.message) from None

    @field_validator("ray_dir")
    @classmethod
    def _expand_ray_dir(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @property
    def range(self) -> Replicas:
        return Replicas.parse(self.replicas)

    @property
    def cpus_each(self) -> float:
        return self.cpus or float(max(1, usable_cpus() // self.range.most))

    @property
    def threads_each(self) -> int:
        return max(1, math.floor(self.cpus_each))

    @property
    def own_cluster(self) -> bool:
        return not self.ray_address

    @property
    def one_machine(self) -> bool:
        """Whether engines share our folders and sockets; elsewhere our environment does not hold."""
        return not self.port

    def for_engines(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What they must know of our environment; no secret of other services."""
        shared = {str(field.validation_alias) for field in type(self).model_fields.values()}
        return {
            name: value
            for name, value in environ.items()
            if name in shared or name.startswith(("COLONNADE_ENGINE_", "COLONNADE_SERVING_"))
        }

    @property
    def ray_folder(self) -> Path:
        """Raises ``InvalidArgument`` where Ray's own sockets would not fit below it."""
        home = Home(self.home)
        folder = self.ray_dir or home.ray
        length = home.ray_socket_length(folder)
        if length > MAX_SOCKET_PATH:
            raise InvalidArgument(
                f"Ray's sockets would have paths of {length} bytes, at most {MAX_SOCKET_PATH} are possible; "
                "name a shorter folder in COLONNADE_SERVING_RAY_DIR, or a shorter COLONNADE_HOME",
                field="ray_dir",
                limit=MAX_SOCKET_PATH,
            )
        return folder

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> "ServingSettings":
        """The environment's, with ``arguments`` on top. Raises ``InvalidArgument`` for an unknown one; what
        all processes share is the environment's alone."""
        ours = [name for name, field in cls.model_fields.items() if field.validation_alias is None]
        if unknown := sorted(set(arguments) - set(ours)):
            raise InvalidArgument(
                f"there is no argument {unknown[0]!r}; there are: {', '.join(sorted(ours))}",
                field=str(unknown[0]),
            )
        return cls(**arguments)
