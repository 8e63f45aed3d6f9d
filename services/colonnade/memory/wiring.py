"""The backends that the settings choose, and who works in the background and hears of what requests did."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from colonnade.memory.adapters.central_sentences import CentralSentences
from colonnade.memory.adapters.model_writer import ModelWriter
from colonnade.memory.adapters.models import Model
from colonnade.memory.adapters.reading.pieces import Cut
from colonnade.memory.adapters.reading.reader import ChildReader
from colonnade.memory.adapters.vectors_embedded import EmbeddedVectors
from colonnade.memory.adapters.vectors_pgvector import PgVectors
from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import Embedder, Leases, MemoryStore, Writer
from colonnade.memory.service.upkeep.consolidating import Consolidating
from colonnade.memory.service.upkeep.duties import Duty, Upkeep
from colonnade.memory.service.upkeep.embedding import Embedding
from colonnade.memory.service.upkeep.fading import Fading
from colonnade.memory.service.upkeep.summarising import Summarising
from colonnade.memory.service.upkeep.tidying import Tidying
from colonnade.memory.settings import MemorySettings
from colonnade.rpc import Peer
from colonnade.security.audit import Trail
from colonnade.security.own_files import made_once
from colonnade.storage.sql import Database

Vectors: TypeAlias = EmbeddedVectors | PgVectors


class Background:
    """Implements ``service.notices.Notices``."""

    def __init__(
        self,
        settings: MemorySettings,
        store: MemoryStore,
        vectors: Vectors,
        embedder: Embedder,
        writer: Writer,
        leases: Leases,
        trail: Trail,
        acting: Callable[[str], AbstractContextManager[object]],
    ) -> None:
        async def tidy() -> None:
            await vectors.tidy()
            await store.tidy()

        self.tidy = tidy
        """Overwrites what was erased, now."""

        self._consolidating = consolidating = Consolidating(
            store, vectors, embedder, writer, acting, self, similar=settings.similar
        )
        self._tidying = tidying = Tidying(tidy)
        embedding = Embedding(store, vectors, embedder, acting)
        fading = Fading(store, trail, self, below=settings.forget_below)
        summarising = Summarising(
            store, writer, acting,
            turns=settings.session_turns, characters=settings.summary_characters,
        )  # fmt: skip
        duties = (
            Duty("embed", embedding.turn, settings.look_seconds),
            Duty("fade", fading.turn, settings.sweep_seconds),
            Duty("consolidate", consolidating.turn, settings.round_seconds),
            Duty("summarise", summarising.turn, settings.round_seconds),
            Duty("tidy", tidying.turn, settings.tidy, alone=False),
        )
        name = own_name(settings.data / "memory-id")
        self.upkeep = Upkeep(duties, leases, name, lease_seconds=settings.lease_seconds)

    def added(self) -> None:
        self.upkeep.wake("embed")

    def removed(self, scope: Scope) -> None:
        self._consolidating.again(scope)
        self._tidying.removed()

    def untidy(self) -> None:
        """Something else than memories was erased."""
        self._tidying.removed()


def vectors_of(settings: MemorySettings, database: Database) -> Vectors:
    """Close it before its database."""
    return EmbeddedVectors(database, settings.data / "vectors") if database.is_sqlite else PgVectors(database)


def reader_of(settings: MemorySettings) -> ChildReader:
    return ChildReader(cut=Cut(settings.chunk_characters, settings.chunk_overlap))


def writer_of(settings: MemorySettings, embedder: Embedder, inference: Peer, registry: Peer) -> Writer:
    extractive = CentralSentences(embedder)
    if not settings.writer_model:
        return extractive
    return ModelWriter(inference, Model(registry, settings.writer_model), extractive)


def own_name(path: Path) -> str:
    """Of this service among those that share its database, whichever process runs it."""
    made_once(path, uuid.uuid4().hex.encode)
    return path.read_text().strip()
