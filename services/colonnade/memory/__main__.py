"""``python -m colonnade.memory``: reads the settings, wires ports to adapters, serves until stopped."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing

from colonnade.api.erasure.v1.subjects_pb2_grpc import add_SubjectServiceServicer_to_server
from colonnade.api.memory.v1.memory_pb2_grpc import (
    add_DocumentServiceServicer_to_server,
    add_MemoryServiceServicer_to_server,
)
from colonnade.memory.adapters.acting import acting_as
from colonnade.memory.adapters.inference_calls import InferenceEmbedder, InferenceReranker
from colonnade.memory.adapters.models import Model
from colonnade.memory.adapters.sql_leases import SqlLeases
from colonnade.memory.adapters.sql_store import SqlMemoryStore
from colonnade.memory.service.at_once import AtOnce
from colonnade.memory.service.documents import Documents
from colonnade.memory.service.erasing.own import OwnEraser
from colonnade.memory.service.memories import Memories
from colonnade.memory.service.recalling import Recalling
from colonnade.memory.service.remembering import Remembering
from colonnade.memory.service.searching import Searching
from colonnade.memory.service.sessions import Sessions
from colonnade.memory.service.upkeep.duties import Upkeep
from colonnade.memory.service.uses import Uses
from colonnade.memory.servicer import DOCUMENTS, MEMORIES, DocumentServicer, MemoryServicer, Rooms
from colonnade.memory.settings import MemorySettings
from colonnade.memory.subject_servicer import SUBJECTS, SubjectServicer
from colonnade.memory.wiring import Background, reader_of, vectors_of, writer_of
from colonnade.memory.wiring_erasing import Erasing, erasers_of
from colonnade.rpc import Identity, Peer, Server, run_service, until_stopped
from colonnade.security.access.memory import RPCS
from colonnade.storage.migrations import migrate
from colonnade.storage.sql import Database, backend_of
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_LAST_TURN_SECONDS = 3.0


async def report(settings: MemorySettings) -> dict[str, object]:
    """What would be used. Raises for settings that cannot work."""
    if backend_of(settings.database) != "sqlite":
        database = _database(settings)
        try:
            await database.check()
        finally:
            await database.close()
    return {
        "database": backend_of(settings.database),
        "embedding_model": settings.embedding_model or "the registry's default for embeddings",
        "rerank_model": settings.rerank_model or "the registry's default",
        "writer": settings.writer_model or "central sentences",
    }


async def serve(settings: MemorySettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    async with wired(settings) as server:
        await server.start()
        await server.ready(True)
        _LOG.info("serving", address=settings.address)
        await until_stopped()
        _LOG.info("draining", seconds=settings.drain_seconds)
        await server.stop(settings.drain_seconds)


@asynccontextmanager
async def wired(settings: MemorySettings) -> AsyncIterator[Server]:
    """A server that has not started yet, and beside it what goes on in the background."""
    identity = Identity(settings.service, settings.identity)
    server = Server(settings.address, RPCS, identity)
    async with AsyncExitStack() as stack:
        trail = stack.enter_context(closing(settings.opened_audit()))  # one serves a home
        database = _database(settings)
        stack.push_async_callback(database.close)
        await migrate(database, "colonnade.memory")
        # Both may be away: memories are kept all the same, and found by their words.
        inference = await stack.enter_async_context(Peer("inference", settings.inference, identity))
        registry = await stack.enter_async_context(Peer("registry", settings.registry, identity))
        store = SqlMemoryStore(database)
        vectors = vectors_of(settings, database)
        stack.push_async_callback(vectors.close)
        embedder = InferenceEmbedder(inference, Model(registry, settings.embedding_model, embeds=True))
        background = Background(
            settings, store, vectors, embedder,
            writer_of(settings, embedder, inference, registry),
            SqlLeases(database), trail, acting_as(identity),
        )  # fmt: skip
        uses = Uses(store)
        stack.push_async_callback(uses.close)
        reranker = InferenceReranker(inference, Model(registry, settings.rerank_model))
        at_once = AtOnce(embedder, settings.embed_seconds)
        searching = Searching(
            store, vectors, at_once, reranker, uses,
            rerank_seconds=settings.rerank_seconds, least_cosine=settings.least_cosine,
        )  # fmt: skip
        rooms = Rooms(
            Remembering(store, vectors, at_once, trail, background, most=settings.memories),
            searching,
            Recalling(store, searching, characters=settings.recall_characters),
            Memories(store, trail, background),
            Sessions(store, trail, background),
        )
        documents = Documents(store, reader_of(settings), trail, background, bounds=settings.bounds)
        server.add(add_MemoryServiceServicer_to_server, MemoryServicer(rooms), MEMORIES)
        server.add(add_DocumentServiceServicer_to_server, DocumentServicer(documents), DOCUMENTS)
        own = OwnEraser(store, trail, background, background.tidy)
        erasers = await erasers_of(settings, identity, own, stack)
        erasing = Erasing(settings, database, erasers, trail, background.untidy)
        server.add(add_SubjectServiceServicer_to_server, SubjectServicer(erasing.asking), SUBJECTS)
        async with _going_on(settings, background.upkeep, erasing.upkeep):
            yield server


@asynccontextmanager
async def _going_on(settings: MemorySettings, *upkeeps: Upkeep) -> AsyncIterator[None]:
    work = [asyncio.create_task(each.run()) for each in upkeeps]
    try:
        yield
    finally:
        for each in upkeeps:
            each.stop()
        await _ended(work, settings.drain_seconds)


async def _ended(work: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """A turn may wait for a model: what is broken off is done again after the next start."""
    await asyncio.wait(work, timeout=min(seconds, _LAST_TURN_SECONDS))
    for each in work:
        each.cancel()
    await asyncio.gather(*work, return_exceptions=True)


def _database(settings: MemorySettings) -> Database:
    connections = settings.database_connections
    return Database(
        settings.database, connections=connections, setting="COLONNADE_MEMORY_DATABASE_URL",
        secure_delete=True,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(MemorySettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
