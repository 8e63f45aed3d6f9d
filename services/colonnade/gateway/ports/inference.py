"""The inference service, for what is asked of models."""

from collections.abc import AsyncGenerator
from typing import Protocol

from colonnade.gateway.domain.caching import CacheState
from colonnade.gateway.domain.engines import Engine, Loaded
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.generation import Chunk, GenerationSpec
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.texts import (
    DetokenizeSpec,
    Embedded,
    EmbeddingSpec,
    Scored,
    ScoreSpec,
    Tokenized,
    TokenizeSpec,
)


class Generator(Protocol):
    """The inference service."""

    def stream(self, caller: Caller, spec: GenerationSpec, target: Target) -> AsyncGenerator[Chunk, None]:
        """Chunks until the one with ``finish``; closing the iterator stops the generation at once."""

    async def abort(self, caller: Caller) -> bool:
        """Ends the caller's generation, whose stream still says how it ended; whether there was one."""


class Engines(Protocol):
    """The inference service, for who wants to see what runs, and to have something run soon."""

    async def list_engines(self, caller: Caller) -> tuple[Engine, ...]: ...

    async def prepare(self, caller: Caller, target: Target) -> Loaded:
        """Returns when an engine has the version in memory; of an adapter, the version that it belongs to."""
        ...


class AnswerCaches(Protocol):
    """The inference service, for what it keeps of answers."""

    async def purge(self, caller: Caller, digest: str, tenant: str) -> int:
        """Forgets answers; empty is any version, any tenant. How many there were."""

    async def state(self, caller: Caller) -> CacheState: ...


class TextReader(Protocol):
    """The inference service, for what is asked about texts that are given."""

    async def embed(self, caller: Caller, spec: EmbeddingSpec, target: Target) -> Embedded: ...

    async def score(self, caller: Caller, spec: ScoreSpec, target: Target) -> Scored: ...

    async def tokenize(self, caller: Caller, spec: TokenizeSpec, target: Target) -> Tokenized: ...

    async def detokenize(self, caller: Caller, spec: DetokenizeSpec, target: Target) -> str: ...
