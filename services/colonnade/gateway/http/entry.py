"""The outermost layer: request id, trace, metrics, log line, safe headers, and a last answer."""

import asyncio
import time
import uuid
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colonnade.errors import ColonnadeError, Internal, InvalidArgument
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.caching import caching_of
from colonnade.gateway.http.errors import ClientGone, error_response
from colonnade.gateway.http.rate_headers import rate_headers
from colonnade.gateway.http.route import EXCHANGE
from colonnade.security import inputs
from colonnade.telemetry import bind_request, extract, get_logger, span
from colonnade.telemetry.metrics import counter, gauge, histogram

_LOG = get_logger(__name__)
_REQUESTS = counter("gateway", "requests", "Requests by route and status", ("route", "status"))
_SECONDS = histogram("gateway_request", "seconds", "Until the last byte of the answer", ("route",))
_IN_FLIGHT = gauge("gateway_in_flight", "requests", "Requests being answered now")
_CLIENT_GONE, _TOO_MANY = 499, 429
_UNMATCHED = "unmatched"
_QUIET = frozenset(
    {"GET /health/live", "GET /health/ready", "GET /v2/health/live", "GET /v2/health/ready", "GET /metrics"}
)

SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}

_SAFE = [(name.encode(), value.encode()) for name, value in SAFE_HEADERS.items()]


class Entry:
    """ASGI middleware. Everything inside may raise; nothing leaves but answers."""

    def __init__(self, app: ASGIApp, request_seconds: float) -> None:
        self._app = app
        self._request_seconds = request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        exchange = Exchange(_request_id(headers))
        exchange.deadline = exchange.received + self._request_seconds
        exchange.caching = caching_of(headers.get("cache-control"))
        scope[EXCHANGE] = exchange
        sender = _Sender(send, exchange)
        with (
            bind_request(exchange.request_id),
            span(f"{scope['method']}", "server", context=extract(headers.items())) as active,
            _IN_FLIGHT.track_inprogress(),
        ):
            try:
                await self._answer(scope, receive, sender, exchange)
            finally:
                _conclude(scope, exchange, sender, active)

    async def _answer(self, scope: Scope, receive: Receive, sender: "_Sender", exchange: Exchange) -> None:
        try:
            await self._app(scope, receive, sender)
        except ClientGone:
            exchange.failure = "cancelled"
        except ColonnadeError as error:
            exchange.failure = error.code.value
            if not sender.status:
                await error_response(error, exchange.request_id, scope["path"])(scope, receive, sender)
        except asyncio.CancelledError:
            exchange.failure = "cancelled"
            raise
        except Exception:
            exchange.failure = "internal"
            _LOG.exception("request failed")
            if not sender.status:
                hidden = error_response(Internal.hidden(), exchange.request_id, scope["path"])
                await hidden(scope, receive, sender)


class Flood:
    """Under a flood of refusals most have no line of their own: it would cost more than the refusal."""

    def __init__(self, lines: int) -> None:
        """``lines`` a second are written."""
        self._lines = lines
        self._second, self._written, self._unlogged = 0, 0, 0

    def worth_a_line(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._written = int(now), 0
        self._written += 1
        if self._written > self._lines:
            self._unlogged += 1
            return False
        return True

    def forgotten(self) -> int:
        """How many had none since this was last asked."""
        unlogged, self._unlogged = self._unlogged, 0
        return unlogged


_FLOOD = Flood(10)


class _Sender:
    """Adds the headers that every answer has, and remembers the status."""

    def __init__(self, send: Send, exchange: Exchange) -> None:
        self._send = send
        self._exchange = exchange
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            raw = message.setdefault("headers", [])
            there = {name for name, _ in raw}
            raw.append((b"x-request-id", self._exchange.request_id.encode("latin-1")))
            raw += [(name.encode(), value.encode()) for name, value in rate_headers(self._exchange.allowance)]
            raw += [each for each in _SAFE if each[0] not in there]
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """The client's own id where it is one, else a new one."""
    try:
        return inputs.request_id(headers.get("x-request-id", ""))
    except InvalidArgument:
        return uuid.uuid4().hex


def _conclude(scope: Scope, exchange: Exchange, sender: _Sender, active: Any) -> None:
    """Metrics, span and one log line, without anything that the client wrote but its method."""
    seconds = time.monotonic() - exchange.received
    route = exchange.route or _UNMATCHED
    status = sender.status or _CLIENT_GONE
    _REQUESTS.labels(route, str(status)).inc()
    _SECONDS.labels(route).observe(seconds)
    active.update_name(route if exchange.route else scope["method"])
    active.set_attribute("http.request.method", scope["method"])
    active.set_attribute("http.response.status_code", status)
    active.set_attribute("http.route", route)
    if exchange.failure:
        active.set_attribute("error.type", exchange.failure)
    if status == _TOO_MANY and not _FLOOD.worth_a_line(time.monotonic()):
        return
    log = _LOG.debug if route in _QUIET and status < 400 else _LOG.info
    log(
        "answered",
        route=route,
        method=scope["method"],
        status=status,
        seconds=round(seconds, 6),
        failure=exchange.failure or None,
        tenant=exchange.identity.tenant if exchange.identity else None,
        model=exchange.target.label if exchange.target else None,
        tokens=exchange.tokens or None,
        **({"unlogged": _FLOOD.forgotten()} if status == _TOO_MANY else {}),
    )
