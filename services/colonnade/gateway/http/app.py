"""The ASGI application: routes inside, guards around them."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp

from colonnade.errors import ColonnadeError, Internal, InvalidArgument
from colonnade.gateway.http.bounds import Bounds
from colonnade.gateway.http.entry import Entry
from colonnade.gateway.http.errors import (
    ClientGone,
    MethodNotAllowed,
    error_response,
    invalid,
    no_such_route,
)
from colonnade.gateway.http.heads import Heads
from colonnade.gateway.http.options import HttpOptions
from colonnade.gateway.http.origin import WATCHED, OriginGuard
from colonnade.gateway.http.route import GuardedRoute, exchange_of
from colonnade.gateway.http.routes import ROUTERS
from colonnade.gateway.http.shortcut import Shortcut
from colonnade.gateway.service.gateway import Gateway
from colonnade.telemetry.traces import version

_DESCRIPTION = "Many kinds of language models behind one `POST /generate`."


def build(gateway: Gateway, options: HttpOptions) -> ASGIApp:
    """The application as a server runs it."""
    inner = Shortcut(build_routes(gateway, options))
    guarded = Bounds(OriginGuard(inner, options, gateway.doorkeeper), options.max_requests)
    return Entry(Heads(guarded), options.request_seconds)


def build_routes(gateway: Gateway, options: HttpOptions) -> FastAPI:
    """The routes and the translation of errors, without the guards around them."""
    app = FastAPI(
        title="Colonnade",
        description=_DESCRIPTION,
        version=version(),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    app.state.options = options
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    app.add_exception_handler(ColonnadeError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientGone, _gone)  # type: ignore[arg-type] # None: no answer is sent
    app.add_exception_handler(Exception, _failed)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ColonnadeError)
    exchange = exchange_of(request)
    exchange.failure = error.code.value
    return error_response(error, exchange.request_id, request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _refused(request, invalid(error))


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such route, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return await _refused(request, no_such_route())
    if error.status_code == 405:
        allow = sorted(_methods(request))
        refusal = MethodNotAllowed(
            f"this path takes {', '.join(allow)}", field="method", limit=", ".join(allow), allow=allow
        )
        return await _refused(request, refusal)
    return await _refused(request, InvalidArgument(str(error.detail)))


def _methods(request: Request) -> set[str]:
    routes = [route for route in request.app.routes if isinstance(route, GuardedRoute)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    heads = {"HEAD"} if matching and request.url.path.startswith(WATCHED) else set()
    return {method for route in matching for method in route.methods or ()} | heads


async def _gone(request: Request, error: Exception) -> None:
    """Nobody is there to be told."""
    exchange_of(request).failure = exchange_of(request).failure or "cancelled"


async def _failed(request: Request, error: Exception) -> Response:
    return error_response(Internal.hidden(), exchange_of(request).request_id, request.url.path)
