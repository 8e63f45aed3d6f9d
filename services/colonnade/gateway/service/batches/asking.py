"""One line of a batch as a request: in the name of the key that made the batch, until it has its result."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from colonnade.errors import ColonnadeError, DeadlineExceeded, Internal, Overloaded, Unavailable, backoff
from colonnade.gateway.domain.batches import PRIORITY, Batch, Line, LineResult
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.ports import Answers
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.gateway.service.batches.validation import parsed
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.telemetry import bind_request, get_logger

_LOG = get_logger(__name__)
_SLACK_SECONDS = 5.0
_MOST_TRIES = 10
"""Where a part of the platform is away; together they take some minutes."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class Barred(Exception):
    """The key that made the batch may not go on."""

    def __init__(self, refusal: ColonnadeError) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Asking:
    def __init__(
        self,
        answers: Answers,
        doorkeeper: Doorkeeper,
        bounds: Bounds,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._answers = answers
        self._doorkeeper = doorkeeper
        self._bounds = bounds
        self._sleep = sleep

    async def result(self, batch: Batch, line: Line) -> LineResult:
        """The answer, or a refusal that waiting does not change. Raises ``Barred``."""
        body, tries = parsed(line.raw, self._bounds)["body"], 0
        while True:
            exchange = await self._exchange(batch, line)
            try:
                with bind_request(exchange.request_id):
                    return _result(line, exchange, 200, await self._answer(exchange, batch, body))
            except Overloaded as error:
                pause = _pause(error)
            except Unavailable as error:
                tries += 1
                if tries >= _MOST_TRIES:
                    return self._refused(line, exchange, error)
                pause = max(_pause(error), backoff(tries, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE))
            except ColonnadeError as error:
                return self._refused(line, exchange, error)
            await self._sleep(pause)

    async def _exchange(self, batch: Batch, line: Line) -> Exchange:
        """With the roles that the key has now."""
        route = f"POST {batch.endpoint}"
        try:
            principal, pinned = await self._doorkeeper.holder_of(batch.key_id)
            self._doorkeeper.authorise(principal, route)
        except Unavailable:
            raise
        except ColonnadeError as error:
            raise Barred(error) from error
        deadline = time.monotonic() + self._bounds.request_seconds
        return Exchange(
            f"{batch.id}-{line.number}",
            deadline=deadline,
            route=route,
            identity=principal,
            pinned=pinned,
            most_priority=PRIORITY,
        )

    async def _answer(self, exchange: Exchange, batch: Batch, body: Mapping[str, Any]) -> Mapping[str, Any]:
        seconds = self._bounds.request_seconds
        try:
            async with asyncio.timeout(seconds + _SLACK_SECONDS):
                return await self._answers.answer(exchange, batch.endpoint, body)
        except TimeoutError:
            raise DeadlineExceeded(f"there was no answer within {seconds:g} s", limit=seconds) from None
        except ColonnadeError:
            raise
        except Exception as error:
            _LOG.exception("a line of a batch failed", batch_id=batch.id)
            raise Internal.hidden() from error

    def _refused(self, line: Line, exchange: Exchange, error: ColonnadeError) -> LineResult:
        return _result(line, exchange, *self._answers.refusal(error, exchange.request_id))


def _result(line: Line, exchange: Exchange, status: int, body: Mapping[str, Any]) -> LineResult:
    written = json.dumps(body, ensure_ascii=False)
    return LineResult(line.number, line.custom_id, status, exchange.request_id, written)


def _pause(error: ColonnadeError) -> float:
    seconds = error.details.get("retry_after_seconds", 1)
    return float(seconds) if isinstance(seconds, int | float) else 1.0
