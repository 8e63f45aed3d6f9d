"""Engines as the gateway shows them."""

from dataclasses import dataclass

from colonnade.gateway.domain.models import Target


@dataclass(frozen=True, slots=True)
class Breaker:
    """Stands between an engine and a version that failed there."""

    digest: str
    state: str
    """open or half_open."""
    seconds: float
    """Until it is half open."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that an engine has in memory."""

    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Preparation:
    """How far loading a version ahead of its requests is."""

    target: Target
    seconds: float
    loaded: Loaded | None = None
    """None while it goes on."""


@dataclass(frozen=True, slots=True)
class Engine:
    address: str
    ready: bool
    """Is sent requests now."""
    why_not: str = ""
    """away, draining or ejected."""
    ejected_seconds: float = 0.0
    lease_seconds: float | None = None
    """Left of it; None for an engine of the settings."""
    outstanding_tokens: int = 0
    running: int = 0
    waiting: int = 0
    memory_used_bytes: int = 0
    memory_budget_bytes: int = 0
    models: tuple[str, ...] = ()
    """As ``name:version``."""
    breakers: tuple[Breaker, ...] = ()
