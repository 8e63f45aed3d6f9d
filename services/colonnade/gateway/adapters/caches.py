"""The caches of answers on the inference service's gRPC."""

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.exchange import Caller

_SECONDS = 5.0


class InferenceCaches:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = InferenceServiceStub(calls.peer.channel)

    async def purge(self, caller: Caller, digest: str, tenant: str) -> int:
        request = wire.PurgeCacheRequest(digest=digest, tenant=tenant)
        answer = await self._calls.unary(
            caller, self._stub.PurgeCache, request, wire.PurgeCacheResponse, _SECONDS
        )
        return answer.answers

    async def state(self, caller: Caller) -> CacheState:
        answer = await self._calls.unary(
            caller, self._stub.GetCache, wire.GetCacheRequest(), wire.GetCacheResponse, _SECONDS
        )
        return CacheState(
            store=answer.store,
            answers=answer.answers,
            size_bytes=answer.bytes,
            max_bytes=answer.max_bytes,
            hits=answer.hits,
            semantic_hits=answer.semantic_hits,
            joined=answer.joined,
            misses=answer.misses,
            evictions=answer.evictions,
            semantic_questions=answer.semantic_questions,
            thresholds=dict(answer.thresholds),
        )
