"""What the inference service reads of its environment (``COLONNADE_INFERENCE_*``)."""

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from colonnade.inference.domain import AFFINITY_SLACK_TOKENS
from colonnade.inference.domain.health import HealthLimits
from colonnade.inference.domain.retries import RetryLimits
from colonnade.inference.placement import PREFIX_BLOCKS, SPREAD_TOKENS, Policy
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
    retry_share: float = Field(default=0.2, ge=0, le=1)
    """Of the requests of the last ten seconds, that may be put to an engine again, beyond ``retry_least``."""
    retry_least: int = Field(default=100, ge=0)
    affinity_slack_tokens: int = Field(default=AFFINITY_SLACK_TOKENS, ge=0)
    """How much busier than the idlest an engine may be and still keep its sessions and beginnings."""
    prefix_blocks: int = Field(default=PREFIX_BLOCKS, ge=0)
    """Beginnings of prompts that are remembered of each engine; 0 is off."""
    spread_tokens: int = Field(default=SPREAD_TOKENS, ge=0)
    """Outstanding where a version is, beyond which another engine with room loads it too; 0 is off."""
    breaker_failures: int = Field(default=5, ge=1)
    """In a row, after which a version is not sent to an engine for a while."""
    breaker_seconds: float = Field(default=5.0, gt=0, le=300)
    eject_failures: int = Field(default=5, ge=1)
    """In a row, after which an engine is left out for a while."""
    eject_share: float = Field(default=0.5, ge=0, le=1)
    """Of an engine's requests in 30 s: more failures than that leave it out too."""
    eject_seconds: float = Field(default=5.0, gt=0, le=300)
    eject_at_most: float = Field(default=0.5, ge=0, lt=1)
    """Of the engines that are ready: no more are left out at once."""
    lease_seconds: float = Field(default=15.0, ge=1, le=3600)
    """How long an engine that registered is known, at most and by default, before it must say so again."""
    max_engines: int = Field(default=256, ge=1)
    """That may register."""
    cache_bytes: int = Field(default=64 << 20, ge=0)
    """Of answers that are kept, in this process; 0 keeps none, wherever."""
    cache_redis_url: SecretStr = SecretStr("")
    """Where services keep answers together instead, as ``redis://host:6379/0``."""
    cache_seconds: float = Field(default=3600.0, gt=0, le=31 * 86400)
    """How long an answer is kept."""
    cache_entry_bytes: int = Field(default=1 << 20, ge=1024)
    """Of one answer; a larger one is not kept."""
    semantic_cache: str = ""
    """Models whose questions are compared by their embeddings, with the least similarity that counts as the
    same: ``faq=0.95,help=0.97``."""
    semantic_encoder: str = ""
    """The model that embeds questions; empty: the registry's default for embeddings."""
    semantic_questions: int = Field(default=4096, ge=1, le=100_000)
    """That are compared with, of all models together."""
    max_shadows: int = Field(default=8, ge=0)
    """Shadow copies at once; further ones are dropped."""
    engine_wait_seconds: float = Field(default=30.0, ge=0, le=600)
    """How long a request waits where no engine is ready."""
    stats_interval_seconds: float = Field(default=1.0, gt=0, le=60)
    stats_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    load_timeout_seconds: float = Field(default=900.0, gt=0)
    registry_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    default_interval_seconds: float = Field(default=15.0, gt=0)
    """How often the default model is looked up; one newly promoted is loaded ahead of its requests."""
    cached_manifests: int = Field(default=256, ge=1)

    @property
    def policy(self) -> Policy:
        return Policy(
            retries=self.retries,
            wait_seconds=self.engine_wait_seconds,
            slack_tokens=self.affinity_slack_tokens,
            prefix_blocks=self.prefix_blocks,
            spread_tokens=self.spread_tokens,
            health=HealthLimits(
                breaker_failures=self.breaker_failures,
                breaker_seconds=self.breaker_seconds,
                eject_failures=self.eject_failures,
                eject_share=self.eject_share,
                eject_seconds=self.eject_seconds,
                eject_at_most=self.eject_at_most,
            ),
            budget=RetryLimits(self.retry_share, self.retry_least),
        )
