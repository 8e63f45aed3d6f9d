"""JSON of ``/engines``."""

from dataclasses import asdict

from pydantic import BaseModel

from colonnade.gateway.domain import engines as domain


class Breaker(BaseModel):
    digest: str
    state: str
    """`open`: nothing of this version is sent there. `half_open`: one request may try."""
    seconds: float


class Engine(BaseModel):
    """One engine, whether it gets requests, and why not."""

    address: str
    ready: bool
    why_not: str
    """`away`, `draining`, `ejected`, or empty."""
    ejected_seconds: float
    lease_seconds: float | None
    """Left of its lease; null where it stands in the settings."""
    outstanding_tokens: int
    running: int
    waiting: int
    memory_used_bytes: int
    memory_budget_bytes: int
    models: list[str]
    breakers: list[Breaker]

    @classmethod
    def of(cls, engine: domain.Engine) -> "Engine":
        return cls.model_validate(asdict(engine))


class Engines(BaseModel):
    engines: list[Engine]
