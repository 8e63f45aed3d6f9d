"""The route class of every route: who asks and whether they may comes before a byte of the body is read."""

import re
from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from colonnade.errors import Unauthenticated
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.body import JsonRequest, has_body, read_object
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.service.gateway import Gateway

EXCHANGE = "colonnade.exchange"
_BEARER = re.compile(r"Bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)


class GuardedRoute(APIRoute):
    """Known to the access table as ``METHOD /template``; one method a route."""

    @property
    def key(self) -> str:
        return f"{' '.join(self.methods or ())} {self.path_format}"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        key, body = self.key, self.body_field
        required = body is not None and body.field_info.is_required()

        async def handle(request: Request) -> Response:
            exchange = exchange_of(request)
            exchange.route = key
            exchange.credential = _credential(request.headers)
            await gateway_of(request).pipeline.admit(exchange)
            if body is not None and (required or has_body(request.headers)):
                request = JsonRequest(request, await read_object(request, options_of(request)))
            return await inner(request)

        return handle


def exchange_of(request: Request) -> Exchange:
    """The exchange that the outermost layer began for this request."""
    return cast("Exchange", request.scope[EXCHANGE])


def gateway_of(request: Request) -> Gateway:
    return cast("Gateway", request.app.state.gateway)


def options_of(request: Request) -> HttpOptions:
    return cast("HttpOptions", request.app.state.options)


def _credential(headers: Headers) -> str:
    """The API key in ``Authorization``; empty without the header."""
    values = headers.getlist("authorization")
    if not values:
        return ""
    match = _BEARER.fullmatch(values[0].strip())
    if match is None or len(values) > 1:
        raise Unauthenticated("send one header `Authorization: Bearer ck_...`", field="authorization")
    return match[1]
