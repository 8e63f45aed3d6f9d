"""Streams of what happens, which would never end by themselves."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

_T = TypeVar("_T")
LONGEST_SECONDS = 900.0
"""For which a key that was revoked sees on. Whoever watches comes back, and goes on where it was."""
AFTER_THE_END_SECONDS = 30.0
"""From then to the deadline of the request, which is for those who do not read."""


class Following:
    """They end in time, and when the gateway is about to stop."""

    def __init__(
        self,
        longest_seconds: float = LONGEST_SECONDS,
        beat_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._longest, self._beat, self._clock = longest_seconds, beat_seconds, clock
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def follow(self, items: AsyncGenerator[_T, None]) -> AsyncGenerator[_T | None, None]:
        """The items; with beats, None each time that nothing came for so long. It closes them in the end."""
        until = self._clock() + self._longest
        closing = asyncio.create_task(self._closing.wait())
        coming: asyncio.Task[tuple[_T, ...]] | None = None
        try:
            while (left := until - self._clock()) > 0 and not self._closing.is_set():
                coming = coming or asyncio.create_task(_next(items))
                patience = left if self._beat is None else min(left, self._beat)
                await asyncio.wait({coming, closing}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    found, coming = coming.result(), None
                    if not found:
                        return
                    yield found[0]
                elif self._beat is not None and not self._closing.is_set():
                    yield None
        finally:
            closing.cancel()
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            await items.aclose()


async def _next(items: AsyncGenerator[_T, None]) -> tuple[_T, ...]:
    """Nothing at the end."""
    try:
        return (await anext(items),)
    except StopAsyncIteration:
        return ()
