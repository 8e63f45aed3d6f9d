"""What the inference service does for its callers."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from colonnade.errors import ColonnadeError, Overloaded
from colonnade.inference.domain import Chunk, EngineView, Loaded, Parcel, Work, broken_off
from colonnade.inference.placement import Attempts, Placement
from colonnade.inference.ports import Engine
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
    def __init__(self, placement: Placement, *, max_in_flight: int) -> None:
        """More than ``max_in_flight`` requests at once are refused."""
        self._placement = placement
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    async def generate(self, work: Work) -> AsyncGenerator[Chunk]:
        """The engine's chunks as they come; closing the iterator frees its slot.

        A request whose engine is gone goes to another one as long as nothing came of it.
        """
        with self._admitted("generate"):
            attempts, began = Attempts(self._placement, work), False
            while True:
                try:
                    slot, _ = await attempts.next()
                    with slot.busy(work.tokens):
                        async with contextlib.aclosing(slot.engine.submit(work)) as chunks:
                            async for chunk in chunks:
                                began = True
                                yield chunk
                    return
                except ColonnadeError as error:
                    if began:
                        attempts.noted(error)
                        raise broken_off(error) from None
                    if not attempts.again(error):
                        raise
                    _LOG.warning("tried again", code=error.code, engine=attempts.run[0])

    async def score(self, work: Work) -> Parcel:
        return await self._answer("score", work, lambda engine: engine.score(work))

    async def embed(self, work: Work) -> Parcel:
        return await self._answer("embed", work, lambda engine: engine.embed(work))

    async def prepare(self, work: Work) -> Prepared:
        """Returns when an engine has the version in memory."""
        attempts = Attempts(self._placement, work)

        async def place() -> Prepared:
            _, loaded = await attempts.next()
            return Prepared(attempts.run, loaded)

        with self._admitted("prepare"):
            return await attempts.until(place)

    def engines(self) -> list[EngineView]:
        return self._placement.fleet.views

    async def _answer(self, operation: str, work: Work, ask: Callable[[Engine], Awaitable[_T]]) -> _T:
        attempts = Attempts(self._placement, work)

        async def answer() -> _T:
            slot, _ = await attempts.next()
            with slot.busy(work.tokens):
                return await ask(slot.engine)

        with self._admitted(operation):
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
