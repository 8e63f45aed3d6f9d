"""Embeds what a request waits for, if that takes no time to speak of; what does not is embedded later."""

import asyncio
import time
from collections.abc import Callable, Sequence

from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge
from colonnade.memory.ports import Embedded, Embedder
from colonnade.telemetry import get_logger

SECONDS = 1.0
_REST_SECONDS = 2.0
_LOG = get_logger(__name__)


class AtOnce:
    """After a failure nobody waits for a moment: an embedder that hangs holds nobody up again and again."""

    def __init__(
        self,
        embedder: Embedder,
        seconds: float = SECONDS,
        *,
        rest_seconds: float = _REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._embedder, self._seconds, self._rest = embedder, seconds, rest_seconds
        self._clock, self._until = clock, 0.0

    async def __call__(self, texts: Sequence[str]) -> Embedded | None:
        """None where nobody embeds them now."""
        if self._clock() < self._until:
            return None
        try:
            async with asyncio.timeout(self._seconds):
                return await self._embedder.embed(texts)
        except (InvalidArgument, TooLarge) as error:  # of these texts; others may be embedded
            reason = error.message
        except TimeoutError:
            self._until, reason = self._clock() + self._rest, f"not within {self._seconds:g} s"
        except ColonnadeError as error:
            self._until, reason = self._clock() + self._rest, error.message
        _LOG.info("nothing was embedded at once", reason=reason)
        return None
