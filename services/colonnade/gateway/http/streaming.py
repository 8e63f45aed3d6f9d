"""Answers that take a while: whole as JSON or as server-sent events, and only while someone listens."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from colonnade.errors import ColonnadeError, Internal, Unavailable
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.errors import ClientGone, error_json
from colonnade.gateway.http.framing import PLAIN, Framing
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_T = TypeVar("_T")
_I = TypeVar("_I", contravariant=True)
_SLACK_SECONDS = 5.0
"""After the deadline, for the neighbours' own refusals to arrive."""


class Renderer(Protocol[_I]):
    """What an answer made of ``_I`` looks like."""

    status: int

    def headers(self) -> Mapping[str, str]:
        """Known once the first item is there."""

    def events(self, item: _I) -> Iterable[Mapping[str, Any]]:
        """The data of the events that an item makes."""

    def whole(self, items: list[Any]) -> Mapping[str, Any]:
        """The JSON answer."""


class Answer(Response, Generic[_T]):
    """Runs ``items`` and renders them. A client that goes away closes ``items`` at once, in both modes."""

    def __init__(
        self,
        exchange: Exchange,
        items: AsyncGenerator[_T, None],
        renderer: Renderer[_T],
        *,
        stream: bool,
        framing: Framing = PLAIN,
    ) -> None:
        super().__init__()
        exchange.whole = not stream
        self._exchange = exchange
        self._items = items
        self._renderer = renderer
        self._stream = stream
        self._framing = framing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = self._streamed(send) if self._stream else self._collected(scope, receive, send)
        limit = None
        if self._exchange.deadline is not None:
            limit = self._exchange.deadline - time.monotonic() + _SLACK_SECONDS
        try:
            async with asyncio.timeout(limit):
                await while_connected(receive, work)
        except TimeoutError:
            # The neighbours keep the deadline: only a client that does not read gets here.
            self._exchange.failure = "deadline_exceeded"
        except ClientGone:
            # Ends here: what is raised after an answer has begun, the framework takes for a fault of ours.
            self._exchange.failure = self._exchange.failure or "cancelled"

    async def whole(self) -> Mapping[str, Any]:
        """The JSON answer, for who awaits it without HTTP: a line of a batch."""
        async with aclosing(self._items) as items:
            collected = [item async for item in items]
        return self._renderer.whole(collected)

    async def _collected(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = msgspec.json.encode(await self.whole())
        response = Response(body, self._renderer.status, media_type="application/json")
        response.headers.update(self._renderer.headers())
        await response(scope, receive, send)

    async def _streamed(self, send: Send) -> None:
        async with aclosing(self._items) as items:
            # Refusals before the first item are ordinary answers with their own status.
            first = await anext(items, None)
            if first is None:
                raise Unavailable("the answer broke off; try again", retry_after_seconds=1)
            await self._start(send)
            last = await self._events(first, items, send)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _start(self, send: Send) -> None:
        headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "x-accel-buffering": "no",
            **self._renderer.headers(),
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})

    async def _events(self, first: _T, items: AsyncGenerator[_T, None], send: Send) -> bytes:
        """Sends all events; returns what comes last: the end, or the error that the answer ended with."""
        try:
            await self._send(first, send)
            async for item in items:
                await self._send(item, send)
        except ColonnadeError as error:
            self._exchange.failure = error.code.value
            return self._error(error)
        except Exception:
            self._exchange.failure = "internal"
            _LOG.exception("answer failed")
            return self._error(Internal.hidden())
        return self._framing.done

    async def _send(self, item: _T, send: Send) -> None:
        body = b"".join(map(self._framing.frame, self._renderer.events(item)))
        await send({"type": "http.response.body", "body": body, "more_body": True})

    def _error(self, error: ColonnadeError) -> bytes:
        if self._framing.error is not None:
            return self._framing.error(error, self._exchange.request_id)
        path = self._exchange.route.partition(" ")[2]
        return b"event: error\ndata: " + error_json(error, self._exchange.request_id, path) + b"\n\n"


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work``; stops it and raises ``ClientGone`` once the client has disconnected."""
    working, gone = asyncio.current_task(), False
    assert working is not None, "coroutines run in tasks"

    async def listen() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        working.cancel()

    # Only the listener is a task of its own: most clients stay, and a task is not free.
    listening = asyncio.create_task(listen())
    try:
        await work
    except asyncio.CancelledError:
        if not gone or working.uncancel():
            raise  # it was somebody else, or somebody else as well
        raise ClientGone from None
    finally:
        listening.cancel()
