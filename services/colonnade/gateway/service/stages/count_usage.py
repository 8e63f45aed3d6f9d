"""What it took: tokens and times, for the metrics."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.service.pipeline import Stage
from colonnade.telemetry.metrics import GenAiMetrics


class CountUsage(Stage):
    """Stands near the top: it counts what was released to the client."""

    def __init__(self, metrics: GenAiMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        return self._counted(exchange, chunks)

    async def _counted(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
        released: dict[int, int] = {}
        async for chunk in chunks:
            released[chunk.index] = released.get(chunk.index, 0) + chunk.count
            if chunk.text or chunk.count:
                self._clocked(exchange, chunk)
                exchange.tokens += chunk.count
            if chunk.finish is not None:
                exchange.finishes[chunk.index] = chunk.finish
                # What a stop string cut off was generated as well.
                exchange.tokens += max(0, chunk.finish.usage.completion_tokens - released[chunk.index])
            yield chunk

    def _clocked(self, exchange: Exchange, chunk: Chunk) -> None:
        exchange.last_token_at = self._clock()
        first = chunk.began(exchange.last_token_at, whole=exchange.whole)
        if exchange.first_token_at is None or first < exchange.first_token_at:
            exchange.first_token_at = first

    async def after(self, exchange: Exchange) -> None:
        if exchange.target is None:
            return  # without a version there is no bounded name to count under
        operation, model = exchange.wanted.operation, exchange.target.name
        if exchange.first_token_at is not None:
            self._metrics.first_token(operation, model, exchange.first_token_at - exchange.received)
        self._metrics.finished(
            operation,
            model,
            self._clock() - exchange.received,
            error_type=exchange.failure,
            per_token=_seconds_per_token(exchange),
        )
        if exchange.cached is not None and exchange.cached.reused:
            return  # another request's tokens, which were counted there
        prompt = exchange.finish.usage.prompt_tokens if exchange.finish else 0
        self._metrics.tokens(operation, model, prompt=prompt, completion=exchange.tokens)


def _seconds_per_token(exchange: Exchange) -> float | None:
    if exchange.first_token_at is None or exchange.last_token_at is None or exchange.tokens < 2:
        return None
    return (exchange.last_token_at - exchange.first_token_at) / (exchange.tokens - 1)
