"""What the inference service does for its callers."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from colonnade.errors import ColonnadeError, Overloaded
from colonnade.inference.attempts import Attempts
from colonnade.inference.caches.answers import Answers
from colonnade.inference.domain import ABORTED, Caching, Chunk, EngineView, Loaded, Parcel, Work, broken_off
from colonnade.inference.placement import Placement
from colonnade.inference.ports import Engine
from colonnade.inference.running import Generations, Running
from colonnade.inference.shadows import Shadows
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_RETRY_SECONDS = 1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where a version is in memory now."""

    run: tuple[str, str]
    loaded: Loaded


class Inference:
    def __init__(
        self,
        placement: Placement,
        *,
        max_in_flight: int,
        max_shadows: int = 0,
        answers: Answers | None = None,
    ) -> None:
        """More than ``max_in_flight`` requests at once are refused, more than ``max_shadows`` copies left
        out. Without ``answers`` none is kept."""
        self._placement = placement
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._generations = Generations()
        self.shadows = Shadows(placement, at_once=max_shadows)
        self.answers = answers

    async def generate(
        self,
        work: Work,
        fallbacks: Sequence[Work] = (),
        shadow: Work | None = None,
        caching: Caching | None = None,
    ) -> AsyncGenerator[Chunk]:
        """The engine's chunks as they come; closing the iterator frees its slot.

        A request whose engine is gone goes to another one as long as nothing came of it; where no engine can
        answer with its version, to the first of the ``fallbacks`` that can. A ``shadow`` runs beside it.
        With ``caching``, an answer that is kept or under way may be given instead.
        """

        def generated(running: Running) -> AsyncGenerator[Chunk]:
            return self._generated(work, fallbacks, shadow, running)

        with self._admitted("generate"):
            if caching is not None and self.answers is not None:
                chunks = self.answers.stream(work, caching, self._generations, generated)
                async with contextlib.aclosing(chunks):
                    async for chunk in chunks:
                        yield chunk
                return
            with self._generations.under_way(work) as running:
                chunks = generated(running)
                async with contextlib.aclosing(chunks):
                    async for chunk in chunks:
                        yield chunk

    async def _generated(
        self, work: Work, fallbacks: Sequence[Work], shadow: Work | None, running: Running
    ) -> AsyncGenerator[Chunk]:
        with (
            running.while_open(),
            self.shadows.beside(shadow) as given,
            Attempts(self._placement, work, fallbacks) as attempts,
        ):
            async with contextlib.aclosing(_answer(attempts, running)) as chunks:
                async for chunk in chunks:
                    if given:
                        given.heard(chunk)
                    yield chunk
            if given and not (running.aborted or attempts.fallback):
                given.complete()

    async def abort(self, tenant: str, request_id: str) -> bool:
        """Ends a tenant's generation, wherever it runs; whether there was one. Its stream says what it came
        to."""
        found = await self._generations.abort(tenant, request_id)
        self._placement.metrics.aborted(found=found)
        return found

    async def score(self, work: Work) -> Parcel:
        return await self._answer("score", work, lambda engine: engine.score(work))

    async def embed(self, work: Work) -> Parcel:
        return await self._answer("embed", work, lambda engine: engine.embed(work))

    async def embed_question(self, work: Work) -> Parcel:
        """For the caches, within a request that was let in."""
        return await self._asked(work, lambda engine: engine.embed(work))

    async def tokenize(self, work: Work) -> Parcel:
        return await self._answer("tokenize", work, lambda engine: engine.tokenize(work))

    async def detokenize(self, work: Work) -> Parcel:
        return await self._answer("detokenize", work, lambda engine: engine.detokenize(work))

    async def prepare(self, work: Work) -> Prepared:
        """Returns when an engine has the version in memory."""
        with self._admitted("prepare"), Attempts(self._placement, work) as attempts:

            async def place() -> Prepared:
                _, loaded = await attempts.next()
                return Prepared(attempts.run, loaded)

            return await attempts.until(place)

    def engines(self) -> list[EngineView]:
        return self._placement.fleet.views

    async def _answer(self, operation: str, work: Work, ask: Callable[[Engine], Awaitable[_T]]) -> _T:
        with self._admitted(operation):
            return await self._asked(work, ask)

    async def _asked(self, work: Work, ask: Callable[[Engine], Awaitable[_T]]) -> _T:
        with Attempts(self._placement, work) as attempts:

            async def answer() -> _T:
                slot, _ = await attempts.next()
                with slot.busy(work.tokens):
                    return await ask(slot.engine)

            return await attempts.until(answer)

    @contextlib.contextmanager
    def _admitted(self, operation: str) -> Iterator[None]:
        metrics, outcome = self._placement.metrics, "cancelled"
        try:
            if self._in_flight >= self._max_in_flight:
                raise Overloaded(
                    f"{self._max_in_flight} requests are under way, which is the limit; try again shortly",
                    limit=self._max_in_flight,
                    retry_after_seconds=_RETRY_SECONDS,
                )
            self._in_flight += 1
            try:
                with metrics.in_flight():
                    yield
            finally:
                self._in_flight -= 1
            outcome = "ok"
        except ColonnadeError as error:
            outcome = error.code.value
            raise
        except Exception:
            outcome = "internal"
            raise
        finally:
            metrics.ended(operation, outcome)


async def _answer(attempts: Attempts, running: Running) -> AsyncGenerator[Chunk]:
    """The chunks of the first engine that answers at all."""
    began = False
    while True:
        try:
            slot = await running.placed(attempts)
            if slot is None:
                yield ABORTED
                return
            with slot.busy(attempts.work.tokens):
                async with contextlib.aclosing(slot.engine.submit(attempts.work)) as chunks:
                    async for chunk in chunks:
                        yield chunk if began else attempts.marked(chunk)
                        began = True
            return
        except ColonnadeError as error:
            if began:
                attempts.noted(error)
                raise broken_off(error) from None
            if not attempts.again(error):
                raise
            _LOG.warning("tried again", code=error.code, engine=attempts.run[0])
