"""The caches of answers on the gRPC of every inference service: each has some of its own."""

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.gateway.adapters.everyone import Everyone
from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.exchange import Caller
from colonnade.rpc import Identity

_COUNTS = (
    "answers", "max_bytes", "hits", "semantic_hits", "joined", "misses", "evictions", "semantic_questions",
)  # fmt: skip


class InferenceCaches:
    def __init__(self, target: str, identity: Identity) -> None:
        """``target``: where gRPC finds the inference services, however many they are."""
        self._everyone = Everyone(target, identity)

    async def purge(self, caller: Caller, digest: str, tenant: str) -> int:
        request = wire.PurgeCacheRequest(digest=digest, tenant=tenant)
        answers = await self._everyone.asked(
            caller, lambda stub: stub.PurgeCache, request, wire.PurgeCacheResponse
        )
        return sum(each.answers for each in answers)

    async def state(self, caller: Caller) -> CacheState:
        """Of all together."""
        request = wire.GetCacheRequest()
        answers = await self._everyone.asked(
            caller, lambda stub: stub.GetCache, request, wire.GetCacheResponse
        )
        return CacheState(
            store=next((each.store for each in answers if each.store), ""),
            size_bytes=sum(each.bytes for each in answers),
            thresholds={model: value for each in answers for model, value in each.thresholds.items()},
            **{name: sum(getattr(each, name) for each in answers) for name in _COUNTS},
        )
