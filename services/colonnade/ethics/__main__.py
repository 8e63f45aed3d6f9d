"""``python -m colonnade.ethics``: reads the settings, wires ports to adapters, serves until stopped."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from colonnade.api.erasure.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from colonnade.ethics.policies import policies_in
from colonnade.ethics.settings import EthicsSettings
from colonnade.ethics.wiring.adapting import adapting_room
from colonnade.ethics.wiring.bias import bias_room
from colonnade.ethics.wiring.erasing import RoomsEraser
from colonnade.ethics.wiring.feedback import feedback_room
from colonnade.ethics.wiring.files import rewritten
from colonnade.ethics.wiring.ground import Room, database_of, laid
from colonnade.ethics.wiring.screening import screening_room
from colonnade.rpc import Server, run_service, until_stopped
from colonnade.rpc.erasure_servicer import FULL_NAME, ErasureServicer
from colonnade.storage.sql import backend_of
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
ROOMS = (screening_room, feedback_room, bias_room, adapting_room)
"""In the order in which they are made; each is a module of ``wiring``."""


async def report(settings: EthicsSettings) -> dict[str, object]:
    """What would be used. Raises for settings that cannot work."""
    policies = policies_in(settings.policies_dir)
    if backend_of(settings.database) != "sqlite":
        database = database_of(settings)
        try:
            await database.check()
        finally:
            await database.close()
    return {
        "database": backend_of(settings.database),
        "policies": sorted(policies),
        "default_policy": policies["default"].version,
    }


async def serve(settings: EthicsSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    async with wired(settings) as server:
        await server.start()
        await server.ready(True)
        _LOG.info("serving", address=settings.address)
        await until_stopped()
        _LOG.info("draining", seconds=settings.drain_seconds)
        await server.stop(settings.drain_seconds)


@asynccontextmanager
async def wired(settings: EthicsSettings) -> AsyncIterator[Server]:
    """A server that has not started yet, and beside it what goes on in the background."""
    async with laid(settings) as ground:
        rooms = [await room(ground) for room in ROOMS]
        eraser = RoomsEraser(
            [each.erase for each in rooms], [each.held for each in rooms], ground.trail,
            partial(rewritten, ground.database),
        )  # fmt: skip
        ground.server.add(add_ErasureServiceServicer_to_server, ErasureServicer(eraser), FULL_NAME)
        async with _beside(rooms):
            yield ground.server


@asynccontextmanager
async def _beside(rooms: Sequence[Room]) -> AsyncIterator[None]:
    work = [asyncio.ensure_future(each()) for room in rooms for each in room.background]
    try:
        yield
    finally:
        for each in work:
            each.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(EthicsSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
