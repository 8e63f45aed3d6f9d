"""Settings of where workers run, and what a run gets there."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from colonnade.errors import InvalidArgument
from colonnade.rpc import ProcessSettings
from colonnade.supervise.replicas import Replicas


class RunnerSettings(ProcessSettings):
    """Part of ``TrainingSettings``."""

    runner: Literal["process", "ray", "kubernetes"] = "process"
    """Processes of this machine; a Ray cluster that runs; or a RayJob of Kubernetes for each run."""
    workers: str = "1"
    """Of a run on a cluster: N, or MIN:MAX for as many as there is room for."""
    worker_cpus: float = Field(default=1, gt=0, le=1024)
    """Of each worker on a cluster."""
    worker_gpus: float = Field(default=0, ge=0, le=64)
    """Of each worker on a cluster."""
    grow_seconds: float = Field(default=300, ge=1, le=86_400)
    """How often a run that could have more workers is started again with them; each time costs a start."""
    ray_address: str = "http://127.0.0.1:8265"
    """Of the cluster's dashboard, which takes jobs."""
    ray_token_file: Path | None = None
    """With the cluster's token; None where it has none."""
    kubernetes_namespace: str = Field(default="default", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    """Where RayJobs are made."""
    kubernetes_template: Path | None = None
    """A RayJob in YAML: the cluster that each run gets."""

    @field_validator("workers")
    @classmethod
    def _is_a_range(cls, text: str) -> str:
        try:
            return str(Replicas.parse(text))
        except InvalidArgument as error:
            raise ValueError(error.message.replace("replicas", "workers", 1)) from None

    @field_validator("ray_address")
    @classmethod
    def _is_http(cls, text: str) -> str:
        if not text.startswith(("http://", "https://")):
            raise ValueError("must be http://HOST:PORT of the cluster's dashboard (8265, as it comes)")
        return text.rstrip("/")

    @field_validator("ray_token_file", "kubernetes_template")
    @classmethod
    def _expand(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None
