"""Settings of an engine that runs vLLM, read from ``COLONNADE_VLLM_*``."""

from typing import ClassVar, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from colonnade.engine.server import ServerSettings
from colonnade.supervise.defaults import METRICS_PORTS
from colonnade.supervise.machine import usable_cpus, usable_memory

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class VllmSettings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_VLLM_", frozen=True, extra="ignore")
    service: ClassVar[str] = "vllm"

    metrics_port: int = Field(default=METRICS_PORTS["vllm"], ge=0, le=65535)
    dtype: Dtype = "auto"
    """What weights are kept and computed in; auto takes what the files have."""
    context_length: int = Field(default=0, ge=0)
    """Tokens of prompt and answer together at most; 0 takes the model's own."""
    memory_bytes: int = Field(default=0, ge=0)
    """For the weights; 0 takes half of the machine's memory."""
    cache_bytes: int = Field(default=0, ge=0)
    """For the state of all running sequences; 0 takes 1 GiB on a CPU, on a GPU what ``gpu_share`` leaves."""
    gpu_share: float = Field(default=0.9, gt=0, le=1)
    """How much of a GPU's memory is used for weights, state and what is computed on the way."""
    gpus: int = Field(default=1, ge=1)
    """That share the layers of one model (tensor parallelism)."""
    eager: bool | None = None
    """Not compiled: starts sooner and runs slower. None: on a CPU."""
    threads: int = Field(default=0, ge=0)
    """Of a CPU; 0 takes the physical cores that the process may use."""
    max_adapters: int = Field(default=4, ge=0)
    """In memory at a time; 0: the engine takes none."""
    adapter_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    """The highest rank of an adapter."""

    @property
    def model_bytes(self) -> int:
        return self.memory_bytes or usable_memory() // 2

    @property
    def cpus(self) -> int:
        return self.threads or usable_cpus()
