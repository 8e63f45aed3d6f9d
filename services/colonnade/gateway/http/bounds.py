"""How many requests may be in progress at once."""

from starlette.types import ASGIApp, Receive, Scope, Send

from colonnade.errors import Overloaded

_EXEMPT = ("/health/", "/v2/health/", "/metrics")
"""Those who watch an overloaded gateway must still see it."""


class Bounds:
    """ASGI middleware: more than ``limit`` at once are refused right away, before anything is read."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_EXEMPT):
            await self._app(scope, receive, send)
            return
        if self._running >= self._limit:
            raise Overloaded(
                f"the gateway answers {self._limit} requests at once and is full; try again shortly",
                limit=self._limit,
                retry_after_seconds=1,
            )
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
