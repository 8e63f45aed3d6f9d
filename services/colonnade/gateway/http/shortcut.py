"""The short way to the routes that make nearly all of the load.

A framework's routing, its middlewares and its own reading of a body cost more processor time than the rest
of a short request. It still has these routes: they stand on its page, and other methods go through it.
"""

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from colonnade.gateway.http.route import HotRoute


class Shortcut:
    """ASGI. Raises what a route refuses; whoever stands outside makes an answer of it."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._routes = {
            (method, route.path): route
            for route in app.routes
            if isinstance(route, HotRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
        else:
            scope["app"] = self._app
            await route.answer(scope, receive, send)
