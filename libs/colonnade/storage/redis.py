"""A Redis that services share and can do without: while it is away, one request a second looks for it."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from colonnade.telemetry import get_logger

AWAY = (RedisError, OSError)
"""What calls raise then."""
_LOG = get_logger(__name__)
_TIMEOUT_SECONDS = 0.25
"""A Redis that takes longer is away: requests wait for it."""
_AGAIN_SECONDS = 1.0


class SharedRedis:
    """Close it."""

    def __init__(
        self,
        url: str,
        *,
        away: str,
        back: str,
        text: bool = False,
        clock: Callable[[], float] = time.monotonic,
        **facts: Any,
    ) -> None:
        """``away`` and ``back`` say in the log what it means, ``facts`` beside the former; ``text``: answers
        are strings instead of bytes."""
        self.client: Redis = Redis.from_url(
            url,
            decode_responses=text,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            # Once, for a connection that a restarted server has forgotten.
            retry=Retry(NoBackoff(), 1),
        )
        self._away, self._back, self._facts = away, back, facts
        self._clock = clock
        self._again_at: float | None = None
        """When to try again; None while Redis is there."""

    async def tried(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """What Redis answers; None while it is away."""
        if not self._may_try():
            return None
        try:
            answer = await ask()
        except AWAY as error:
            self.lost(error)
            return None
        self._found()
        return answer

    def lost(self, error: Exception) -> None:
        """A call found it away."""
        if self._again_at is None:
            _LOG.warning(f"redis away; {self._away}", reason=type(error).__name__, **self._facts)
        self._again_at = self._clock() + _AGAIN_SECONDS

    async def close(self) -> None:
        await self.client.aclose()

    def _may_try(self) -> bool:
        if self._again_at is None:
            return True
        if self._clock() < self._again_at:
            return False
        self._again_at = self._clock() + _AGAIN_SECONDS  # the others do not wait for this one
        return True

    def _found(self) -> None:
        if self._again_at is not None:
            _LOG.info(f"redis is back; {self._back}")
        self._again_at = None
