"""The request that the current task works for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("colonnade_request_id", default="")


def current_request_id() -> str:
    """The id bound by ``bind_request``; empty outside a request."""
    return _request_id.get()


@contextmanager
def bind_request(request_id: str) -> Iterator[None]:
    """Every log line written inside carries ``request_id``.

    Puts the former value back with ``set``, not ``reset``: an async generator that is closed by another
    task leaves this block in another context, where a reset token is not valid.
    """
    former = _request_id.get()
    _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.set(former)
