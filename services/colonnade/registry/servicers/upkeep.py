"""The gRPC methods of upkeep: message to domain, one use case, domain to message."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from colonnade.api.registry.v1 import upkeep_pb2 as messages
from colonnade.api.registry.v1.upkeep_pb2_grpc import UpkeepServiceServicer
from colonnade.registry.backups.taking import BackedUp, Backups
from colonnade.registry.upkeep.collector import Collected, Collector
from colonnade.rpc import current

FULL_NAME = messages.DESCRIPTOR.services_by_name["UpkeepService"].full_name
_Context = grpc.aio.ServicerContext[Any, Any]


class UpkeepServicer(UpkeepServiceServicer):
    def __init__(self, collector: Collector, backups: Backups) -> None:
        self._collector = collector
        self._backups = backups

    async def CollectGarbage(
        self, request: messages.CollectGarbageRequest, context: _Context
    ) -> AsyncIterator[messages.CollectGarbageResponse]:
        steps = self._collector.run(current().principal, dry_run=request.dry_run)
        async with aclosing(steps):
            async for step in steps:
                yield _collected(step)

    async def Backup(
        self, request: messages.BackupRequest, context: _Context
    ) -> AsyncIterator[messages.BackupResponse]:
        async with aclosing(self._backups.run(request.to, current().principal, keep=request.keep)) as steps:
            async for step in steps:
                yield _backed_up(step)


def _collected(step: Collected) -> messages.CollectGarbageResponse:
    return messages.CollectGarbageResponse(
        looked_at=step.looked_at,
        removed=step.removed,
        removed_bytes=step.removed_bytes,
        waiting=step.waiting,
        done=step.done,
    )


def _backed_up(step: BackedUp) -> messages.BackupResponse:
    return messages.BackupResponse(
        stage=step.stage,
        fraction=step.fraction,
        copied=step.copied,
        copied_bytes=step.copied_bytes,
        kept=step.kept,
        dropped=step.dropped,
        name=step.name,
        digest=step.digest,
        at=_stamp(step.at) if step.at else None,
    )


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
