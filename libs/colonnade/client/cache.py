"""Caches of answers: what is asked, what comes back, and both clients' ``cache``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from colonnade.client import parsing
from colonnade.client.calls import Call, Request

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


@dataclass(frozen=True, slots=True)
class CacheState:
    """Counts are since the inference service started."""

    store: str
    """``memory``, ``redis``, or empty where no answers are kept."""
    answers: int = 0
    """In memory; those in Redis are not counted."""
    size_bytes: int = 0
    max_bytes: int = 0
    hits: int = 0
    semantic_hits: int = 0
    joined: int = 0
    misses: int = 0
    evictions: int = 0
    semantic_questions: int = 0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Of the semantic cache, by the models that have one."""


@dataclass(frozen=True, slots=True)
class Purged:
    answers: int


def state() -> Call[CacheState]:
    return Call(Request("GET", "/cache", repeatable=True), parsing.one(CacheState))


def purge(model: str | None, tenant: str | None) -> Call[Purged]:
    given = {name: value for name, value in (("model", model), ("tenant", tenant)) if value}
    path = f"/cache?{urlencode(given)}" if given else "/cache"
    return Call(Request("DELETE", path), parsing.one(Purged))


class SyncCache:
    """Answers that are kept."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def state(self) -> CacheState:
        """What is kept, and how often it was of use."""
        return self._client._call(state())

    def purge(self, *, model: str | None = None, tenant: str | None = None) -> int:
        """Forgets answers: of a model or one of its versions, and of a tenant. How many there were."""
        return self._client._call(purge(model, tenant)).answers


class AsyncCache:
    """Answers that are kept."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def state(self) -> CacheState:
        """What is kept, and how often it was of use."""
        return await self._client._call(state())

    async def purge(self, *, model: str | None = None, tenant: str | None = None) -> int:
        """Forgets answers: of a model or one of its versions, and of a tenant. How many there were."""
        return (await self._client._call(purge(model, tenant))).answers
