"""Requests whose answer comes whole: vectors of texts, scores of texts.

A call's texts are sequences of their own. They go into the queue a few at a time, each at its own time, so
that many short ones share a forward and a call with thousands of them holds up nobody for long.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from collections.abc import Sequence as Row
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from colonnade.engine import embedding, scoring
from colonnade.engine.delivery import Chunk
from colonnade.engine.embedding import EmbedDecoder, Embedded, Embedding
from colonnade.engine.metrics import EngineMetrics
from colonnade.engine.ports import Host, Runner
from colonnade.engine.scoring import Scored, Scoring
from colonnade.engine.sequence import Finish, FinishReason, Sequence
from colonnade.engine.text import Piece
from colonnade.engine.tracing import phases
from colonnade.errors import Cancelled, ColonnadeError, DeadlineExceeded
from colonnade.telemetry.propagation import span

_T = TypeVar("_T")
Run = Callable[[Sequence], AsyncGenerator[Chunk, None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """A sequence that went to its end."""

    sequence: Sequence
    pieces: Row[Piece]
    finish: Finish


class WholeAnswers:
    def __init__(self, core: Runner, host: Host, metrics: EngineMetrics, run: Run) -> None:
        """``run`` queues a sequence and yields what becomes of it; leaving it early drops the sequence."""
        self._core, self._host, self._metrics, self._run = core, host, metrics, run
        self._width = 2 * core.limits.max_sequences
        """Texts of one call that wait or run: as many again as run, so that the batch is always full."""

    async def embed(self, asked: Embedding) -> Embedded:
        """A vector for each text. Raises ``Unsupported`` if the model does not embed."""
        runtime = self._host.find(asked.digest)
        self._host.adapters.touch(asked.adapter)
        with self._measured("embeddings", runtime.ref.name) as told:
            self._core.check_room()
            works = await asyncio.to_thread(embedding.works_of, asked, runtime)

            async def one(index: int) -> Ended:
                return await self._ended(embedding.sequence_of(works[index], runtime, self._core.clock()))

            ended = await in_order(one, len(works), self._width)
            told.extend(each.finish for each in ended)
        decoders = [each.sequence.decoder for each in ended]
        vectors = [decoder.vector for decoder in decoders if isinstance(decoder, EmbedDecoder)]
        return Embedded(vectors, sum(len(work.tokens) for work in works))

    async def score(self, asked: Scoring) -> Scored:
        """Each text's tokens with their logprobs."""
        runtime = self._host.find(asked.digest)
        self._host.adapters.touch(asked.adapter)
        with self._measured("score", runtime.ref.name) as told:
            self._core.check_room()
            texts = await asyncio.to_thread(scoring.scorables_of, asked, runtime)
            leader: Sequence | None = None

            async def one(index: int) -> Ended:
                nonlocal leader
                sequence = texts[index].sequence(runtime, self._core.clock(), leader)
                leader = leader or sequence
                return await self._ended(sequence)

            ended = await in_order(one, len(texts), self._width)
            told.extend(each.finish for each in ended)
        tokens = sum(len(text.work.tokens) + len(text.following) for text in texts)
        return Scored([each.pieces for each in ended], tokens)

    async def _ended(self, sequence: Sequence) -> Ended:
        pieces: list[Piece] = []
        async with aclosing(self._run(sequence)) as chunks:
            async for chunk in chunks:
                pieces += chunk.pieces
                if chunk.finish:
                    _refuse(chunk.finish.reason)
                    return Ended(sequence, pieces, chunk.finish)
        raise Cancelled("the request was dropped")

    @contextmanager
    def _measured(self, operation: str, model: str) -> Iterator[list[Finish]]:
        """Counts a call by the finishes of its texts, which the block puts into the list."""
        began, finishes = self._core.clock(), list[Finish]()
        attributes = {"gen_ai.operation.name": operation, "gen_ai.request.model": model}
        with span(f"engine.{operation}", attributes=attributes) as active:
            try:
                yield finishes
            except ColonnadeError as error:
                self._metrics.refused(operation, model, error.code, self._core.clock() - began)
                raise
            except asyncio.CancelledError:
                self._metrics.refused(operation, model, FinishReason.CANCELLED, self._core.clock() - began)
                raise
            together = _together(finishes, self._core.clock() - began)
            self._metrics.finished(operation, model, together)
            phases(active, together)


async def in_order(one: Callable[[int], Awaitable[_T]], count: int, width: int) -> list[_T]:
    """``one`` of each number below ``count``, at most ``width`` under way at once; the results in order.

    The first that fails, or leaving, cancels the others."""
    waiting, results = deque(range(count)), dict[int, _T]()

    async def work() -> None:
        while waiting:
            number = waiting.popleft()
            results[number] = await one(number)

    tasks = [asyncio.ensure_future(work()) for _ in range(min(count, width))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [results[number] for number in range(count)]


def _refuse(reason: FinishReason) -> None:
    if reason is FinishReason.DEADLINE:
        raise DeadlineExceeded(
            "the deadline passed before all texts were through; send fewer, or allow more time"
        )
    if reason is FinishReason.CANCELLED:
        raise Cancelled("the request was aborted")


def _together(finishes: Row[Finish], seconds: float) -> Finish:
    """One finish for a whole call: what went in all together, the times of the slowest."""
    queued = min(max((each.queue_seconds for each in finishes), default=0.0), seconds)
    return Finish(
        reason=FinishReason.STOP,
        prompt_tokens=sum(each.prompt_tokens + each.completion_tokens for each in finishes),
        completion_tokens=0,
        queue_seconds=queued,
        prefill_seconds=seconds - queued,
        decode_seconds=0.0,
        first_token_seconds=seconds,
        seed=0,
    )
