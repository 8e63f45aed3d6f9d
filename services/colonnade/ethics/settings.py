"""The ethics service's settings: ``COLONNADE_ETHICS_*`` and those of every process."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from colonnade.rpc import ProcessSettings
from colonnade.storage.sql import CONNECTIONS, sqlite_url
from colonnade.supervise.defaults import METRICS_PORTS


class EthicsSettings(ProcessSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_ETHICS_", frozen=True, extra="ignore")
    service: ClassVar[str] = "ethics"

    metrics_port: int = Field(default=METRICS_PORTS["ethics"], ge=0, le=65535)
    database_url: str = Field(default="", repr=False)
    """``postgresql://user:password@host/name``; empty means ``ethics.db`` in the service's data folder."""
    database_connections: int = Field(default=CONNECTIONS, ge=2, le=1000)
    """To a server, at most."""

    policies_dir: Path | None = None
    """Policies for all tenants, ``<name>.yaml`` each; ``default.yaml`` replaces the one that is built in."""

    bias_sets_dir: Path | None = None
    """Published sets of probes for reports of bias, by the names of their files."""

    bias_share: float = Field(default=0, ge=0, le=1)
    """The share of requests that are looked at for how groups of people fare; 0: none."""
    bias_comparisons: float = Field(default=6, gt=0, le=6000)
    """Of those, so many a minute are asked about another group too, at most; each asks the version twice."""
    bias_clean_rate: float = Field(default=0.001, gt=0, lt=0.5)
    """The share of comparisons that may come out biased without being worth an alarm."""
    bias_excess_rate: float = Field(default=0.01, gt=0, lt=0.5)
    """What more than that an alarm is soonest for."""
    bias_patience: float = Field(default=1_000_000, gt=1, le=1e12)
    """Comparisons to a false alarm, in the mean at least."""

    adaptations_dir: Path | None = None
    """Where the pairs of adaptations lie while they are learnt from; training's workers read there too
    (``COLONNADE_TRAINING_READS``). None: nothing is adapted."""

    refresh_seconds: float = Field(default=2.0, gt=0, le=300)
    """How often it is looked for what other processes assigned."""
    rollback_multiple: float = Field(default=2.0, ge=0, le=1000)
    """Of the refusals of the policy beside it, beyond which a candidate is taken back; 0: never."""
    rollback_requests: int = Field(default=50, ge=1, le=10_000_000)
    """That both must have judged before they are compared."""
    decision_days: float = Field(default=90, gt=0, le=36_500)
    """For which decisions, and kept texts, stay on record."""
    keep_sample: float = Field(default=0, ge=0, le=1)
    """The share of requests whose text is kept, for dry runs; 0: none."""
    sample_texts: int = Field(default=1000, ge=1, le=100_000)
    """Kept texts of a tenant, at most: the newest."""

    judge_model: str = ""
    """What answers for the scorers ``judge-...``; empty: the registry's default."""
    presidio: bool = False
    """Whether there is the scorer ``presidio``; it takes ``pip install 'colonnade[presidio]'``."""

    @field_validator("policies_dir", "bias_sets_dir", "adaptations_dir")
    @classmethod
    def _there(cls, folder: Path | None) -> Path | None:
        if folder is None:
            return None
        folder = folder.expanduser().absolute()
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; make it, or leave the setting empty")
        return folder

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.data / "ethics.db")
