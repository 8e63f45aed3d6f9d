"""The route class of every route: who asks and whether they may comes before a byte of the body is read."""

import re
from collections.abc import Callable, Coroutine
from typing import Any, cast, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from colonnade.errors import Unauthenticated
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.http.body import JsonRequest, has_body, read_object
from colonnade.gateway.http.errors import invalid
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.http.wire_errors import refusal_model
from colonnade.gateway.service.gateway import Gateway

EXCHANGE = "colonnade.exchange"
_BEARER = re.compile(r"Bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)


class GuardedRoute(APIRoute):
    """Known to the access table as ``METHOD /template``; one method a route."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        more["responses"] = {**(more.get("responses") or {}), "default": _refused(path)}
        super().__init__(path, endpoint, **more)

    @property
    def key(self) -> str:
        return f"{' '.join(self.methods or ())} {self.path_format}"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        key, body = self.key, self.body_field
        required = body is not None and body.field_info.is_required()

        async def handle(request: Request) -> Response:
            await _admit(request, key)
            if body is not None and (required or has_body(request.headers)):
                request = JsonRequest(request, await read_object(request, options_of(request)))
            return await inner(request)

        return handle


class HotRoute(GuardedRoute):
    """Takes a JSON body and nothing else of its request, so that it can be reached past the framework."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        self._body: type[BaseModel] = get_type_hints(self.endpoint)["body"]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the framework makes of the same request, without what this route has no use for."""
        request = Request(scope, receive)
        await _admit(request, self.key)
        content = await read_object(request, options_of(request))
        try:
            body = self._body.model_validate(content)
        except ValidationError as error:
            raise invalid(error) from None
        answer = await self.endpoint(body, request)
        await answer(scope, receive, send)


def _refused(path: str) -> dict[str, Any]:
    """For the page: what every refusal is."""
    return {"model": refusal_model(path), "description": "Refused"}


async def _admit(request: Request, key: str) -> None:
    exchange = exchange_of(request)
    exchange.route = key
    exchange.credential = _credential(request.headers)
    await gateway_of(request).pipeline.admit(exchange)


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
