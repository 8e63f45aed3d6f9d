"""The caches of answers on the gRPC of every inference service: each has some of its own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import ColonnadeError, Unavailable
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.exchange import Caller
from colonnade.rpc import Identity, Peer, every_address
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_SECONDS = 5.0
_COUNTS = (
    "answers", "max_bytes", "hits", "semantic_hits", "joined", "misses", "evictions", "semantic_questions",
)  # fmt: skip
_T = TypeVar("_T")


class InferenceCaches:
    def __init__(self, target: str, identity: Identity) -> None:
        """``target``: where gRPC finds the inference services, however many they are."""
        self._target, self._identity = target, identity

    async def purge(self, caller: Caller, digest: str, tenant: str) -> int:
        request = wire.PurgeCacheRequest(digest=digest, tenant=tenant)
        answers = await self._asked(caller, lambda stub: stub.PurgeCache, request, wire.PurgeCacheResponse)
        return sum(each.answers for each in answers)

    async def state(self, caller: Caller) -> CacheState:
        """Of all together."""
        request = wire.GetCacheRequest()
        answers = await self._asked(caller, lambda stub: stub.GetCache, request, wire.GetCacheResponse)
        return CacheState(
            store=next((each.store for each in answers if each.store), ""),
            size_bytes=sum(each.bytes for each in answers),
            thresholds={model: value for each in answers for model, value in each.thresholds.items()},
            **{name: sum(getattr(each, name) for each in answers) for name in _COUNTS},
        )

    async def _asked(
        self,
        caller: Caller,
        method: Callable[[InferenceServiceStub], Callable[..., Any]],
        request: Any,
        kind: type[_T],
    ) -> Sequence[_T]:
        """Everyone's answer. ``Unavailable`` where one is missing, though the others have done it."""

        async def one(address: str) -> _T:
            async with Peer("inference", address, self._identity) as peer:
                rpc = method(InferenceServiceStub(peer.channel))
                return await Calls(peer, self._identity).unary(caller, rpc, request, kind, _SECONDS)

        addresses = await every_address(self._target)
        if len(addresses) == 1:
            return [await one(addresses[0])]
        found = await asyncio.gather(*map(one, addresses), return_exceptions=True)
        missing = {
            address: answer
            for address, answer in zip(addresses, found, strict=True)
            if isinstance(answer, BaseException)
        }
        for address, error in missing.items():
            if not isinstance(error, ColonnadeError):
                raise error
            _LOG.warning("an inference service was not reached", address=address, code=error.code)
        if missing:
            raise Unavailable(
                f"{len(missing)} of {len(addresses)} inference services did not answer; try again",
                retry_after_seconds=1,
            )
        return [each for each in found if isinstance(each, kind)]
