"""The innermost stages for texts that are given: what the model makes of them."""

from collections.abc import AsyncGenerator, AsyncIterator

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, Timings, Usage
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.texts import DetokenizeSpec, EmbeddingSpec, ScoreSpec, TokenizeSpec
from colonnade.gateway.ports import TextReader
from colonnade.gateway.service.pipeline import Stage


class ReadTexts(Stage):
    """Asks the inference service, and leaves its finding in the exchange; the one chunk says how it ended."""

    def __init__(self, reader: TextReader) -> None:
        self._reader = reader

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        return self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> AsyncGenerator[Chunk, None]:
        if exchange.target is None:
            raise Internal("no version was drawn before the texts were read")
        tokens = await self._read(exchange, exchange.target)
        chunk = Chunk("", finish=Finish("stop", Usage(prompt_tokens=tokens), Timings(), seed=0))
        exchange.tally.add(chunk)
        yield chunk

    async def _read(self, exchange: Exchange, target: Target) -> int:
        """How many tokens went through the model."""
        spec = exchange.wanted
        if isinstance(spec, EmbeddingSpec):
            exchange.embedded = await self._reader.embed(exchange.caller, spec, target)
            return exchange.embedded.prompt_tokens
        if isinstance(spec, ScoreSpec):
            exchange.scored = await self._reader.score(exchange.caller, spec, target)
            return exchange.scored.prompt_tokens
        if isinstance(spec, TokenizeSpec):
            exchange.tokenized = await self._reader.tokenize(exchange.caller, spec, target)
            return 0
        if isinstance(spec, DetokenizeSpec):
            exchange.detokenized = await self._reader.detokenize(exchange.caller, spec, target)
            return 0
        raise Internal("the exchange has no texts to read")
