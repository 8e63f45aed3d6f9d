"""What became of the version that was drawn, for the rollout that it is part of."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from colonnade.errors import ColonnadeError, DeadlineExceeded, Internal, Unavailable
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish
from colonnade.gateway.domain.models import Watched
from colonnade.gateway.domain.rollouts import Outcome
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.rollouts.sightings import Sightings

_FAILURES = (Unavailable, Internal, DeadlineExceeded)


class WatchRollout(Stage):
    """Stands right above what asks the model.

    What the version did is counted: neither refusals of the request itself, nor answers that their clients
    left or that were made for somebody else. What another version answered in its place, it failed, unless
    its engines were full."""

    def __init__(self, sightings: Sightings, clock: Callable[[], float] = time.monotonic) -> None:
        self._sightings = sightings
        self._clock = clock

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        if exchange.watched is None or exchange.target is None:
            return chunks
        return self._seen(exchange, exchange.watched, exchange.watched.draws(exchange.target), chunks)

    async def _seen(
        self, exchange: Exchange, watched: Watched, candidate: bool, chunks: AsyncIterator[Chunk]
    ) -> AsyncGenerator[Chunk, None]:
        answer, asked_at = _Answer(), self._clock()
        try:
            async for chunk in chunks:
                answer.note(chunk, self._clock() - asked_at, whole=exchange.whole)
                yield chunk
        except ColonnadeError as error:
            answer.failed = answer.failed or (isinstance(error, _FAILURES) and not answer.refused)
            answer.refused = True
            raise
        except (asyncio.CancelledError, GeneratorExit):
            answer.left = not exchange.tally.complete
            raise
        except Exception:
            answer.failed = True
            raise
        finally:
            reused = exchange.cached is not None and exchange.cached.reused
            if not reused and (outcome := answer.outcome):
                self._sightings.add(watched, outcome, candidate=candidate)


@dataclass(slots=True)
class _Answer:
    """What was seen of it so far."""

    failed: bool = False
    refused: bool = False
    left: bool = False
    first_token: float | None = None
    finishes: dict[int, Finish] = field(default_factory=dict)

    def note(self, chunk: Chunk, seconds: float, *, whole: bool) -> None:
        if chunk.answered_by:
            self.failed, self.refused = not chunk.full, chunk.full
        if chunk.finish is not None:
            self.finishes[chunk.index] = chunk.finish
            self.failed = self.failed or (chunk.finish.reason == "deadline" and not self.refused)
            self.left = self.left or chunk.finish.reason == "cancelled"
        if chunk.text or chunk.count:
            seconds = chunk.began(seconds, whole=whole)
            self.first_token = seconds if self.first_token is None else min(self.first_token, seconds)

    @property
    def outcome(self) -> Outcome | None:
        """None for what says nothing of the version."""
        if self.failed:
            return Outcome(failed=True)
        if self.refused or self.left:
            return None
        tokens = sum(max(0, each.usage.completion_tokens - 1) for each in self.finishes.values())
        # By the engine's clock: a client that reads slowly makes no version slower.
        decode = sum(each.timings.decode for each in self.finishes.values())
        return Outcome(first_token=self.first_token, tokens=tokens, decode_seconds=decode)
