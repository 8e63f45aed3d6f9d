"""What a replica asks its engine, by the engine's own RPCs: is it ready, and how busy is it."""

from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from colonnade.api.engine.v1 import engine_pb2 as wire
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.rpc import Identity, Peer


@dataclass(frozen=True, slots=True)
class Load:
    """Of one engine, over all its models."""

    requests: int
    """Waiting and running."""
    outstanding_tokens: int


class EngineDoor:
    def __init__(self, address: str, identity: Identity) -> None:
        self._peer = Peer("engine", address, identity)
        self._stub = EngineServiceStub(self._peer.channel)
        self._health = health_pb2_grpc.HealthStub(self._peer.channel)

    async def ready(self, seconds: float) -> bool:
        """False where it says that it is not, or does not answer."""
        try:
            answer = await self._health.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def load(self, seconds: float) -> Load:
        """Raises the ``ColonnadeError`` of an engine that does not answer."""
        stats = await self._peer.unary(
            self._stub.Stats, wire.StatsRequest(), wire.StatsResponse, as_service=True, timeout=seconds
        )
        return Load(sum(model.running + model.waiting for model in stats.models), stats.outstanding_tokens)

    async def close(self) -> None:
        await self._peer.close()
