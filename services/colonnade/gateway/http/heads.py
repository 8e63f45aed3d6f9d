"""``HEAD`` on what is watched: some load balancers ask that way whether a server is well."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colonnade.gateway.http.origin import WATCHED


class Heads:
    """ASGI middleware: there, HEAD is answered as GET is, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or not scope["path"].startswith(WATCHED):
            await self._app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, bodiless)
