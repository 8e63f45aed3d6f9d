"""Which names the gateway answers to, and which web pages may call it."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.service.doorkeeper import Doorkeeper
from colonnade.security.network import LOOPBACK_HOSTS, check_host, check_origin, is_loopback

WATCHED = ("/health/", "/v2/health/", "/metrics")
"""Kubelet and Prometheus call these by the address of the pod."""
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host")


class OriginGuard:
    """ASGI middleware. While the gateway is open, only this machine's own programs and pages may call."""

    def __init__(self, app: ASGIApp, options: HttpOptions, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._origins = options.allowed_origins
        self._hosts = options.allowed_hosts or (LOOPBACK_HOSTS if options.loopback else ("*",))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            hosts, origins = headers.getlist("host"), headers.getlist("origin")
            if len(hosts) > 1 or len(origins) > 1:
                raise InvalidArgument("host and origin may each be given once", field="host", limit=1)
            host, origin = next(iter(hosts), None), next(iter(origins), None)
            is_open = await self._doorkeeper.is_open()
            if is_open or not scope["path"].startswith(WATCHED):
                check_host(host, LOOPBACK_HOSTS if is_open else self._hosts)
            check_origin(origin, host, self._origins)
            if is_open:
                _check_near(scope, headers)
        await self._app(scope, receive, send)


def _check_near(scope: Scope, headers: Headers) -> None:
    """Without keys, being on this machine is the only credential: a proxy would lend it to everybody."""
    client = scope.get("client")
    forwarded = any(name in headers for name in _FORWARDED)
    if forwarded or headers.get("sec-fetch-site") == "cross-site" or (client and not is_loopback(client[0])):
        raise PermissionDenied(
            "without API keys the gateway answers this machine only; create one with `colonnade keys create`",
            field="forwarded" if forwarded else "origin",
        )
