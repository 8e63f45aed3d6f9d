"""Settings of the engine's process, read from ``COLONNADE_ENGINE_*``."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from colonnade.engine.kernels.pack import Weights
from colonnade.engine.precision import Cache
from colonnade.engine.scheduler import Limits
from colonnade.engine.server import ServerSettings
from colonnade.engine.speculation.method import MAX_TOKENS, Method
from colonnade.errors import InvalidArgument
from colonnade.supervise.defaults import METRICS_PORTS
from colonnade.supervise.machine import usable_memory


class EngineSettings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_ENGINE_", frozen=True, extra="ignore")
    service: ClassVar[str] = "engine"

    metrics_port: int = Field(default=METRICS_PORTS["engine"], ge=0, le=65535)
    threads: int = Field(default=0, ge=0)
    """Of torch; 0 takes the physical cores that the process may use."""
    weights: Weights = "auto"
    kernels_dir: Path | None = None
    """Where native kernels are kept once built; None takes ``~/.cache/colonnade/kernels``."""
    speculation: str = "off"
    """off, prompt_lookup, self, or draft:<digest>."""
    speculation_tokens: int = Field(default=4, ge=1, le=MAX_TOKENS)
    """Guessed ahead at most."""
    device: str = "cpu"
    memory_bytes: int = Field(default=0, ge=0)
    """For the weights of all loaded models; 0 takes half of the memory."""
    cache_dtype: Cache = "auto"
    cache_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """For the state of all running sequences."""
    step_tokens: int = Field(default=512, ge=1)

    @field_validator("speculation")
    @classmethod
    def _is_a_method(cls, text: str) -> str:
        try:
            Method.parse(text, 1)
        except InvalidArgument as error:
            raise ValueError(error.message) from None
        return text

    @property
    def method(self) -> Method:
        """How tokens are guessed ahead."""
        return Method.parse(self.speculation, self.speculation_tokens)

    @property
    def model_bytes(self) -> int:
        return self.memory_bytes or usable_memory() // 2

    @property
    def limits(self) -> Limits:
        return Limits(self.queue_capacity, self.max_sequences, self.step_tokens, self.cache_bytes)
