"""Screening in the way of a request: what goes in, and what may come out."""

from colonnade.gateway.service.guard.bounds import GuardBounds

__all__ = ["GuardBounds"]
