"""Whether the neighbours that requests need are there."""

import math
import time
from collections.abc import Callable

from grpc_health.v1 import health_pb2, health_pb2_grpc

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.ports import ModelCatalog
from colonnade.rpc import Peer
from colonnade.security.identity import Principal

_SECONDS = 2.0
_KEPT_SECONDS = 10.0
_SERVING = health_pb2.HealthCheckResponse.SERVING


class HealthProbe:
    """A neighbour's own gRPC health."""

    def __init__(self, peer: Peer) -> None:
        self.name = peer.service
        self._peer = peer
        self._stub = health_pb2_grpc.HealthStub(peer.channel)

    async def check(self) -> str:
        try:
            answer = await self._peer.unary(
                self._stub.Check,
                health_pb2.HealthCheckRequest(),
                health_pb2.HealthCheckResponse,
                as_service=True,
                timeout=_SECONDS,
            )
        except ColonnadeError as error:
            return error.message
        return "" if answer.status == _SERVING else f"the {self.name} service is still starting"


class DefaultModelProbe:
    """Whether a request that names no model has one. Once it has, that is not asked again for a while: probes
    come every second, from several sides."""

    name = "model"

    def __init__(
        self,
        catalog: ModelCatalog,
        kept_seconds: float = _KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog, self._kept_seconds, self._clock = catalog, kept_seconds, clock
        self._caller = Caller(Principal.service("gateway"), "readiness")
        self._well_until = -math.inf

    async def check(self) -> str:
        if self._clock() < self._well_until:
            return ""
        try:
            await self._catalog.resolve(self._caller, "", "")
        except ColonnadeError as error:
            return error.message
        self._well_until = self._clock() + self._kept_seconds
        return ""
