"""What the inference service reads of its environment (``COLONNADE_INFERENCE_*``)."""

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from colonnade.rpc import ProcessSettings
from colonnade.supervise.defaults import METRICS_PORTS


class InferenceSettings(ProcessSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_INFERENCE_", frozen=True, extra="ignore")
    service: ClassVar[str] = "inference"

    metrics_port: int = Field(default=METRICS_PORTS["inference"], ge=0, le=65535)
    max_in_flight: int = Field(default=512, ge=1)
    """Requests at once; more are refused with 429."""
    retries: int = Field(default=3, ge=0, le=10)
    """How often a request whose engine is gone may go to another one, before its first chunk. A request that
    kills engines takes two down before it is refused; those that were with it need a try more."""
    engine_wait_seconds: float = Field(default=30.0, ge=0, le=600)
    """How long a request waits where no engine is ready."""
    stats_interval_seconds: float = Field(default=1.0, gt=0, le=60)
    stats_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    load_timeout_seconds: float = Field(default=900.0, gt=0)
    registry_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    default_interval_seconds: float = Field(default=15.0, gt=0)
    """How often the default model is looked up; one newly promoted is loaded ahead of its requests."""
    cached_manifests: int = Field(default=256, ge=1)
