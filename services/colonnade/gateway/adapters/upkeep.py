"""Upkeep on the registry's gRPC."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC

from colonnade.api.registry.v1 import upkeep_pb2 as wire
from colonnade.api.registry.v1.upkeep_pb2_grpc import UpkeepServiceStub
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.upkeep import BackedUp, Collected


class GrpcUpkeep:
    """Implements ``ports.upkeep.RegistryUpkeep``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = UpkeepServiceStub(calls.peer.channel)

    async def collect(self, caller: Caller, *, dry_run: bool) -> AsyncGenerator[Collected, None]:
        request = wire.CollectGarbageRequest(dry_run=dry_run)
        steps = self._calls.stream(caller, self._stub.CollectGarbage, request, wire.CollectGarbageResponse)
        async with aclosing(steps):
            async for step in steps:
                yield Collected(step.looked_at, step.removed, step.removed_bytes, step.waiting, step.done)

    async def back_up(self, caller: Caller, to: str, keep: int) -> AsyncGenerator[BackedUp, None]:
        request = wire.BackupRequest(to=to, keep=keep)
        steps = self._calls.stream(caller, self._stub.Backup, request, wire.BackupResponse)
        async with aclosing(steps):
            async for step in steps:
                at = step.at.ToDatetime(tzinfo=UTC) if step.HasField("at") else None
                yield BackedUp(
                    step.stage, step.fraction, step.copied, step.copied_bytes, step.kept, step.dropped,
                    step.name, step.digest, at,
                )  # fmt: skip
