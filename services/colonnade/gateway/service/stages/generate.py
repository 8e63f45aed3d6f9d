"""The innermost stage: the model's answer."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from functools import partial

from colonnade.errors import ColonnadeError, Internal, Overloaded, Unavailable
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.ports import Generator
from colonnade.gateway.service.fullness import Fullness
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.reading import Leftovers, Reading


class Generate(Stage):
    """Asks the inference service for the answer of the drawn version."""

    def __init__(
        self,
        generator: Generator,
        leftovers: Leftovers | None = None,
        fullness: Fullness | None = None,
    ) -> None:
        self._generator = generator
        self._leftovers = leftovers or Leftovers()
        self._fullness = fullness or Fullness()

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        return self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        """The chunks of the drawn version; exactly one of each answer, its last, has ``finish``."""
        if exchange.target is None:
            raise Internal("no version was drawn before generation")
        exchange.tally.answers = exchange.asked.n
        stream = self._generator.stream(exchange.caller, exchange.asked, exchange.target)
        reading = Reading(stream, exchange.tally)
        exchange.stop = partial(self._end_early, exchange, reading)
        try:
            async with aclosing(reading.chunks()) as chunks:
                async for chunk in chunks:
                    if chunk.answered_by:
                        _fell_back(exchange, chunk.answered_by)
                    if chunk.cached is not None:
                        exchange.cached = chunk.cached
                    yield chunk
        except Overloaded as error:
            self._fullness.note(exchange.target.digest, exchange.asked.priority, error)
            raise
        finally:
            self._leftovers.take(reading, lambda: self._generator.abort(exchange.caller))
        if not exchange.tally.complete:
            raise Unavailable("the model's answer broke off; try again", retry_after_seconds=1)

    async def _end_early(self, exchange: Exchange, reading: Reading) -> None:
        """What comes of it is read on."""
        if not reading.ended:
            with suppress(ColonnadeError):
                await self._generator.abort(exchange.caller)


def _fell_back(exchange: Exchange, digest: str) -> None:
    """The answer is another version's: it is said so."""
    fallbacks = exchange.target.fallbacks if exchange.target else ()
    exchange.target = next((each for each in fallbacks if each.digest == digest), exchange.target)
    exchange.degraded.append("model")
