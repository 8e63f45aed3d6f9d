"""The engines as they are shown: who gets requests, and why others do not."""

from dataclasses import dataclass

from colonnade.inference.domain import EngineView
from colonnade.inference.domain.health import BreakerView
from colonnade.inference.domain.leases import Leases
from colonnade.inference.placement import Placement

AWAY, DRAINING, EJECTED = "away", "draining", "ejected"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    view: EngineView
    why_not: str = ""
    """Empty where it gets requests; else away, draining or ejected."""
    ejected_seconds: float = 0.0
    lease_seconds: float = 0.0
    """Left; 0 for one that stands in the settings."""
    breakers: tuple[BreakerView, ...] = ()


class Overview:
    def __init__(self, placement: Placement, leases: Leases) -> None:
        self._placement = placement
        self._leases = leases

    def engines(self) -> list[EngineStatus]:
        views, health = self._placement.fleet.views, self._placement.health
        ejected = self._placement.ejected()
        return [
            EngineStatus(
                view,
                _why_not(view, ejected),
                ejected.get(view.address, 0.0),
                self._leases.left(view.address),
                tuple(health.breakers(view.run)),
            )
            for view in views
        ]


def _why_not(view: EngineView, ejected: dict[str, float]) -> str:
    if view.stats is None:
        return AWAY
    if view.stats.draining:
        return DRAINING
    return EJECTED if view.address in ejected else ""
