"""A model's stream, read by a task of its own: whoever waits may leave, and the counting goes on."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.domain.usage import Tally
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_MOST_WAITING = 64
"""Chunks that a slow client has not taken; more are left to the stream's own flow control."""
_FIRST_PAUSE = 0.05
"""Seconds until a generation that nobody knew is aborted again: the request may overtake it on its way."""
REST_SECONDS = 2.0
"""How long a stream that was left may take to tell how it ended."""


class Reading:
    """Begins at once. Every chunk is added to the tally, which is closed when the stream has ended."""

    def __init__(self, chunks: AsyncGenerator[Chunk, None], tally: Tally) -> None:
        self._tally = tally
        tally.held = True
        self._waiting: deque[Chunk] = deque()
        self._left = False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._error: Exception | None = None
        self.task = asyncio.create_task(self._read(chunks))

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """As they come. Raises what the stream raised, after what came before it."""
        while True:
            while self._waiting:
                chunk = self._waiting.popleft()
                self._room.set()
                yield chunk
            if self._tally.closed:
                if self._error is not None:
                    raise self._error
                return
            self._news.clear()
            await self._news.wait()

    @property
    def ended(self) -> bool:
        """Whether all is told that will be."""
        return self._tally.closed

    def leave(self) -> None:
        """Nobody takes chunks any more."""
        self._left = True
        self._waiting.clear()
        self._room.set()

    async def _read(self, chunks: AsyncGenerator[Chunk, None]) -> None:
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if not self._left:
                        self._waiting.append(chunk)
                        self._news.set()
                    self._tally.add(chunk)
                    if self._tally.complete:
                        return
                    await self._until_taken()
        except Exception as error:
            self._error = error
        finally:
            self._tally.close()
            self._news.set()

    async def _until_taken(self) -> None:
        while len(self._waiting) >= _MOST_WAITING and not self._left:
            self._room.clear()
            await self._room.wait()


class Leftovers:
    """Streams that were left before their end: aborted, and read until they have told what they took."""

    def __init__(self, seconds: float = REST_SECONDS) -> None:
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, reading: Reading, abort: Callable[[], Awaitable[bool]]) -> None:
        """Returns at once."""
        reading.leave()
        self._keep(reading.task)
        if not reading.ended:
            self._keep(asyncio.create_task(self._finish(reading, abort)))

    async def close(self) -> None:
        """Waits for those under way, which takes no longer than each may."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, reading: Reading, abort: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await _until_aborted(reading, abort)
                await asyncio.wait({reading.task})
        except TimeoutError:
            _LOG.warning("a stream that was left did not end in time; what came of it is counted")
        finally:
            reading.task.cancel()
            await asyncio.gather(reading.task, return_exceptions=True)


async def _until_aborted(reading: Reading, abort: Callable[[], Awaitable[bool]]) -> None:
    pause = _FIRST_PAUSE
    try:
        while not reading.ended and not await abort():
            await asyncio.wait({reading.task}, timeout=pause)
            pause *= 2
    except ColonnadeError as error:
        _LOG.warning("a stream that was left was not aborted", code=error.code)
