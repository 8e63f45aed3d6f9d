"""``python -m colonnade.training``: reads the settings, wires ports to adapters, serves until stopped.

Workers go on when it ends; the next start finds them again.
"""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

from colonnade.api.erasure.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from colonnade.api.training.v1.training_pb2_grpc import add_TrainingServiceServicer_to_server
from colonnade.errors import InvalidArgument
from colonnade.rpc import Identity, Peer, Server, run_service, until_stopped
from colonnade.rpc.erasure_servicer import FULL_NAME as ERASURE
from colonnade.rpc.erasure_servicer import ErasureServicer
from colonnade.security.access.training import RPCS
from colonnade.security.own_files import made_once
from colonnade.storage.blobs import open_blobs
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, backend_of
from colonnade.telemetry import get_logger
from colonnade.training.adapters.brought_models import BroughtModels
from colonnade.training.adapters.erasing import TrainingEraser
from colonnade.training.adapters.folder_journal import FolderJournal
from colonnade.training.adapters.registry_calls import RegistryCalls
from colonnade.training.adapters.run_outputs import RunOutputs
from colonnade.training.adapters.sql_jobs import SqlJobStore
from colonnade.training.dispatcher import Dispatcher
from colonnade.training.following import Follower
from colonnade.training.ledger import Ledger
from colonnade.training.ports import JobStore, Journal
from colonnade.training.publishing.aside import Aside, Ends
from colonnade.training.publishing.bringer import Bringer
from colonnade.training.publishing.importer import Importer
from colonnade.training.publishing.publisher import Publisher
from colonnade.training.publishing.recorder import Recorder
from colonnade.training.service import Jobs, utc_now
from colonnade.training.servicer import FULL_NAME, TrainingServicer
from colonnade.training.settings import TrainingSettings
from colonnade.training.wiring import check_runner, running

_LOG = get_logger(__name__)


async def report(settings: TrainingSettings) -> dict[str, object]:
    """What would be used. Raises for settings that cannot work."""
    _check(settings)
    if backend_of(settings.database) != "sqlite":
        database = _database(settings)
        try:
            await database.check()
        finally:
            await database.close()
    return {
        "database": backend_of(settings.database),
        "slots": settings.slots,
        "slots_of_a_tenant": settings.rules.slots.of_a_tenant,
        "runner": settings.runner,
        "jobs": str(settings.jobs),
        "work": str(settings.work),
    }


async def serve(settings: TrainingSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    async with wired(settings) as server:
        await server.start()
        await server.ready(True)
        _LOG.info("serving", address=settings.address)
        await until_stopped()
        _LOG.info("draining", seconds=settings.drain_seconds)
        await server.stop(settings.drain_seconds)


@asynccontextmanager
async def wired(settings: TrainingSettings, command: Sequence[str] = ()) -> AsyncIterator[Server]:
    """A server that has not started yet, and beside it what hands out work. Workers run ``command``."""
    _check(settings)
    identity = Identity(settings.service, settings.identity)
    server = Server(settings.address, RPCS, identity)
    async with AsyncExitStack() as stack:
        trail = stack.enter_context(closing(settings.opened_audit()))  # one serves a home
        database = _database(settings)
        stack.push_async_callback(database.close)
        await migrate(database, "colonnade.training")
        peer = await stack.enter_async_context(Peer("registry", settings.registry, identity))  # may be away
        store, journal, woken = SqlJobStore(database), FolderJournal(settings.jobs), asyncio.Event()
        name = await asyncio.to_thread(_own_name, settings.data / "training-id")
        ledger = Ledger(store, trail, holder=name, clock=utc_now, wake=woken.set)
        aside = _aside(settings, RegistryCalls(peer, identity), store, journal, ledger, woken.set)
        runner = await stack.enter_async_context(running(settings, command))
        dispatcher = Dispatcher(
            store, runner, Follower(journal), ledger, aside, settings.rules,
            holder=name, woken=woken,
        )  # fmt: skip
        jobs = Jobs(store, journal, trail, bounds=settings.bounds, wake=dispatcher.wake)
        server.add(add_TrainingServiceServicer_to_server, TrainingServicer(jobs), FULL_NAME)
        eraser = TrainingEraser(database, settings.jobs, trail)
        server.add(add_ErasureServiceServicer_to_server, ErasureServicer(eraser), ERASURE)
        server.on_stop(jobs.close)
        work = asyncio.create_task(dispatcher.run())
        try:
            yield server
        finally:
            dispatcher.stop()
            await work


def _aside(
    settings: TrainingSettings,
    registry: RegistryCalls,
    store: JobStore,
    journal: Journal,
    ledger: Ledger,
    wake: Callable[[], None],
) -> Aside:
    outputs, models = RunOutputs(settings.jobs), BroughtModels(settings.jobs, open_blobs(settings.blobs))
    rights = timedelta(days=settings.rights_days)
    publisher = Publisher(registry, outputs, store, journal, ledger, rights=rights, clock=utc_now)
    bringer = Bringer(registry, models, ledger, publisher.behalf)
    recorder = Recorder(registry, outputs, ledger, publisher.behalf)
    ends = Ends(publisher, recorder, Importer(registry, publisher, ledger))
    return Aside(ends, bringer, ledger, settings.may_read, wake=wake, pace=settings.pace)


def _check(settings: TrainingSettings) -> None:
    if not settings.work.exists():
        field = "COLONNADE_TRAINING_WORK_DIR"
        raise InvalidArgument(f"{field} names nothing that is there", field=field)
    check_runner(settings)


def _own_name(path: Path) -> str:
    """Of this service among those that share its database, whichever process runs it."""
    made_once(path, uuid.uuid4().hex.encode)
    return path.read_text().strip()


def _database(settings: TrainingSettings) -> Database:
    connections = settings.database_connections
    return Database(settings.database, connections=connections, setting="COLONNADE_TRAINING_DATABASE_URL")


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(TrainingSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
