"""What accompanies a call through a process: who asks, under which id, until when."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from colonnade.security.identity import Principal


@dataclass(frozen=True, slots=True)
class CallContext:
    principal: Principal
    token: str
    """The principal as a signed token, passed on as it came."""
    request_id: str
    deadline: float | None = None
    """On ``time.monotonic()``'s clock."""

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


_CURRENT: ContextVar[CallContext | None] = ContextVar("colonnade_call", default=None)


def current_or_none() -> CallContext | None:
    """The call being served, or None in the background."""
    return _CURRENT.get()


def current() -> CallContext:
    """The call being served. ``LookupError`` in the background: a mistake of ours, not of the caller."""
    call = _CURRENT.get()
    if call is None:
        raise LookupError("no call is being served here")
    return call


@contextmanager
def bound(call: CallContext) -> Iterator[CallContext]:
    """Makes ``call`` the current one in this task.

    Puts the former one back with ``set``: a generator may be closed in another context, where ``reset``
    fails.
    """
    former = _CURRENT.get()
    _CURRENT.set(call)
    try:
        yield call
    finally:
        _CURRENT.set(former)
