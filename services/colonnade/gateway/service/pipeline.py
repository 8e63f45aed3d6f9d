"""The way of a request: one list of stages, each of which may act before, during and after.

Stages nest: the first of the list is the outermost. ``before`` runs down the list; the chunks of the answer
flow up it, through each stage's ``during``; ``after`` runs up it, whatever happened. So a stage that screens
or masks text stands above Generate and below those that must only see what was released.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


class Stage:
    """One step. Override what the step needs; the rest costs nothing."""

    async def before(self, exchange: Exchange) -> None:
        """Refuses by raising a ``ColonnadeError``; may change ``exchange.spec``."""

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        """The chunks as the stages above may see them.

        A stage may watch them, change them, or hold text back until an offset is released; the last one
        carries ``finish``. Raising stops the generation.
        """
        return chunks

    async def after(self, exchange: Exchange) -> None:
        """Runs once ``before`` was begun, also after failure and cancellation; must not raise."""


class Pipeline:
    """``admission`` is who asks and whether they may, for every route; the others are the rest, by what is
    asked of a model."""

    def __init__(
        self,
        admission: Sequence[Stage],
        generation: Sequence[Stage],
        embedding: Sequence[Stage] = (),
        scoring: Sequence[Stage] = (),
        encoding: Sequence[Stage] = (),
    ) -> None:
        self._admission = tuple(admission)
        self._generation = tuple(generation)
        self._embedding = tuple(embedding)
        self._scoring = tuple(scoring)
        self._encoding = tuple(encoding)

    async def admit(self, exchange: Exchange) -> None:
        """Runs before anything of the request's body is read. Raises where the caller may not."""
        for stage in self._admission:
            await stage.before(exchange)

    def generate(self, exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        """The answer's chunks. Close the iterator (``aclosing``): that is what stops a generation early."""
        return self._through(self._generation, exchange)

    def embed(self, exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        """One chunk, with how it ended; the vectors are in the exchange."""
        return self._through(self._embedding, exchange)

    def score(self, exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        """One chunk, with how it ended; the scores are in the exchange."""
        return self._through(self._scoring, exchange)

    def encode(self, exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        """One chunk, with how it ended; the tokens of a text, or the text of tokens, are in the exchange."""
        return self._through(self._encoding, exchange)

    async def _through(self, stages: Sequence[Stage], exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        begun: list[Stage] = []
        layers: list[AsyncIterator[Chunk]] = []
        try:
            for stage in stages:
                begun.append(stage)
                await stage.before(exchange)
            chunks = _nothing()
            for stage in reversed(stages):
                chunks = stage.during(exchange, chunks)
                layers.append(chunks)
            async for chunk in chunks:
                yield chunk
        except ColonnadeError as error:
            exchange.failure = error.code.value
            raise
        except (asyncio.CancelledError, GeneratorExit):
            exchange.failure = "cancelled"
            raise
        except Exception:
            exchange.failure = "internal"
            raise
        finally:
            await _close(layers)
            await _after(begun, exchange)


async def _nothing() -> AsyncIterator[Chunk]:
    """Below the last stage there is nothing."""
    none: tuple[Chunk, ...] = ()
    for chunk in none:
        yield chunk


async def _close(layers: Sequence[AsyncIterator[Chunk]]) -> None:
    """From the outside in: an outer layer may still be waiting in an inner one."""
    for layer in reversed(layers):
        if isinstance(layer, AsyncGenerator):
            async with aclosing(layer):
                pass


async def _after(begun: Sequence[Stage], exchange: Exchange) -> None:
    for stage in reversed(begun):
        try:
            await stage.after(exchange)
        except Exception:
            _LOG.exception("stage failed after the answer", stage=type(stage).__name__)
