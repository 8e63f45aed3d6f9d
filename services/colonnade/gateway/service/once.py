"""Idempotency: the same key twice does it once and answers twice alike."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from colonnade.errors import Conflict

_T = TypeVar("_T")
KEEP_SECONDS = 600.0
_MOST = 1024


@dataclass(slots=True)
class _Done(Generic[_T]):
    fingerprint: Hashable
    task: "asyncio.Task[_T]"
    at: float


class Once(Generic[_T]):
    """Remembers results for ten minutes, in memory: what may be repeated, but not be written down."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: OrderedDict[Hashable, _Done[_T]] = OrderedDict()

    async def run(self, key: Hashable, fingerprint: Hashable, work: Callable[[], Awaitable[_T]]) -> _T:
        """The result of ``work``, or of the one that ran under ``key``; a failure is not remembered.

        A caller that goes away does not stop the work. ``Conflict`` where ``key`` stood for something else.
        """
        self._forget()
        done = self._done.get(key)
        if done is None:
            done = self._done[key] = _Done(fingerprint, asyncio.ensure_future(_call(work)), self._clock())
            done.task.add_done_callback(lambda task: self._settle(key, task))
        elif done.fingerprint != fingerprint:
            raise Conflict(
                "this idempotency-key was used for a different request; use a new one",
                field="idempotency-key",
            )
        return await asyncio.shield(done.task)

    def _settle(self, key: Hashable, task: "asyncio.Task[_T]") -> None:
        if task.cancelled() or task.exception() is not None:
            self._done.pop(key, None)

    def _forget(self) -> None:
        oldest = self._clock() - KEEP_SECONDS
        while self._done:
            key, first = next(iter(self._done.items()))
            if first.at > oldest and len(self._done) < _MOST:
                return
            del self._done[key]


async def _call(work: Callable[[], Awaitable[_T]]) -> _T:
    return await work()
