"""Rollouts: what people do with them, and what this gateway sees of their versions."""

from colonnade.gateway.service.rollouts.rollouts import Rollouts
from colonnade.gateway.service.rollouts.sightings import Sightings

__all__ = ["Rollouts", "Sightings"]
