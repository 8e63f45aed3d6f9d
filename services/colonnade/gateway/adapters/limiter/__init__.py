"""Limiters: in this process alone, or shared by all gateways through Redis."""

from colonnade.gateway.adapters.limiter.memory import MemoryLimiter
from colonnade.gateway.adapters.limiter.redis import RedisLimiter

__all__ = ["MemoryLimiter", "RedisLimiter"]
