"""The memory service's settings: ``COLONNADE_MEMORY_*`` and those of every process."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from colonnade.memory.service.at_once import SECONDS
from colonnade.memory.service.documents import Bounds
from colonnade.memory.service.recalling import CHARACTERS
from colonnade.memory.service.remembering import MOST
from colonnade.memory.service.upkeep import consolidating, summarising
from colonnade.rpc import ProcessSettings
from colonnade.security.inputs.sizes import MIB
from colonnade.storage.sql import CONNECTIONS, backend_of, sqlite_url
from colonnade.supervise.defaults import METRICS_PORTS

_ERASERS = frozenset({"gateway", "inference", "training", "registry", "ethics", "memory"})


class MemorySettings(ProcessSettings):
    model_config = SettingsConfigDict(env_prefix="COLONNADE_MEMORY_", frozen=True, extra="ignore")
    service: ClassVar[str] = "memory"

    metrics_port: int = Field(default=METRICS_PORTS["memory"], ge=0, le=65535)
    database_url: str = Field(default="", repr=False)
    """``postgresql://user:password@host/name``; empty means ``memory.db`` in the service's data folder."""
    database_connections: int = Field(default=CONNECTIONS, ge=2, le=1000)
    """To a server, at most."""

    embedding_model: str = ""
    """What gives memories their vectors; empty: the registry's default for embeddings."""
    embed_seconds: float = Field(default=SECONDS, gt=0, le=30)
    """For which a request waits for a vector."""
    least_cosine: float = Field(default=0.2, ge=-1, le=1)
    """Of what is found by meaning: the nearest to a question may have nothing to do with it."""
    rerank_model: str = ""
    """What judges passages; empty: the registry's default."""
    rerank_seconds: float = Field(default=10.0, gt=0, le=120)
    """For which a search waits for that."""
    writer_model: str = ""
    """What writes summaries and facts; empty: they are made of sentences that were said."""

    document_bytes: int = Field(default=20 * MIB, ge=1024, le=200 * MIB)
    """Of a document as it comes, at most."""
    documents_at_once: int = Field(default=4, ge=1, le=64)
    """That may come in; each is held in memory until it is kept."""
    chunk_characters: int = Field(default=1000, ge=100, le=8000)
    """Of a document's pieces, at most."""
    chunk_overlap: int = Field(default=100, ge=0, le=1000)
    """Characters that a piece has of the one before."""
    recall_characters: int = Field(default=CHARACTERS, ge=1000, le=1_000_000)
    """Of all texts of one recall together."""

    forget_below: float = Field(default=0.02, ge=0, le=1)
    """Strength, from 0 to 1: what is weaker is forgotten; 0 forgets nothing."""
    sweep_seconds: float = Field(default=3600, gt=0, le=7 * 86400)
    """How often it is looked for what has faded."""
    similar: float = Field(default=consolidating.SIMILAR, ge=0.5, le=1)
    """The cosine from which episodes say the same, and become one fact."""
    session_turns: int = Field(default=summarising.TURNS, gt=summarising.LATEST, le=500)
    """Turns without a summary, beyond which a session gets one."""
    summary_characters: int = Field(default=summarising.CHARACTERS, ge=100, le=10_000)
    round_seconds: float = Field(default=300, gt=0, le=86400)
    """How often it is looked for episodes and sessions to sum up."""
    look_seconds: float = Field(default=15, gt=0, le=3600)
    """How often it is looked for what has no vector, if nobody says so."""
    tidy_seconds: float = Field(default=0, ge=0, le=7 * 86400)
    """How soon what was erased is overwritten; 0: a minute with SQLite, an hour with a server, whose tables
    are locked meanwhile."""
    memories: int = Field(default=MOST, ge=1, le=10_000_000)
    """Of one subject, at most, pieces of documents among them; what a tenant shares is as one's."""
    erase_services: str = "gateway,inference,training,registry,ethics,memory"
    """Who holds something of people, in the order in which they are asked to erase it."""
    gateway_address: str = ""
    """Where the gateway listens for other services; empty: its socket."""
    erase_settle_seconds: float = Field(default=600, ge=0, le=86400)
    """Between the two rounds of an erasure: no request may run for longer."""
    erase_look_seconds: float = Field(default=3600, gt=0, le=7 * 86400)
    """How often it is looked for what a restored backup brought back; at every start too."""
    lease_seconds: float = Field(default=120, ge=10, le=3600)
    """Of services that share a database one works in the background; after so long without a sign of it
    another does."""

    @field_validator("erase_services")
    @classmethod
    def _known_services(cls, listed: str) -> str:
        if unknown := {name.strip() for name in listed.split(",")} - _ERASERS:
            raise ValueError(f"must list services, of {', '.join(sorted(_ERASERS))}; not {min(unknown)!r}")
        return listed

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.data / "memory.db")

    @property
    def erasers(self) -> Sequence[str]:
        return tuple(name.strip() for name in self.erase_services.split(",") if name.strip())

    def address_of(self, service: str) -> str:
        """Where it erases: where its address says, or its socket below home."""
        return getattr(self, f"{service}_address", "") or self.socket(service)

    @property
    def tidy(self) -> float:
        return self.tidy_seconds or (60.0 if backend_of(self.database) == "sqlite" else 3600.0)

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.document_bytes, self.documents_at_once, self.memories)
