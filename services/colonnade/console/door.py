"""Signing in and out: plain forms, without a script, because only an HTTP answer can set a cookie."""

import html
from dataclasses import dataclass
from string import Template
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from colonnade.console.gateway import Gateway
from colonnade.console.guard import SESSION
from colonnade.console.plain import plain_page
from colonnade.console.sessions import Attempts, Session, Sessions
from colonnade.console.ways import inside
from colonnade.errors import ColonnadeError, Overloaded, PermissionDenied, Unauthenticated, Unavailable
from colonnade.security.network import is_loopback
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
_MAX_FORM = 4096
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
WHY = {
    "again": "Your session has ended, or the console was started anew. Sign in again to go on.",
    "refused": "The gateway no longer takes what your session had: the key was revoked or has expired, or "
    "keys are asked for now. Sign in with one that is valid.",
    "out": "You are signed out.",
}
_WRONG = "This key is not valid. Check that you have the whole of it, or ask an administrator for another."
_FORM = Template("""$notice
<form method="post" action="/sign-in">
<input type="hidden" name="next" value="$next">
<label for="key">API key</label>
<input id="key" name="key" type="password" required autofocus autocomplete="off" spellcheck="false"
 placeholder="ck_..." aria-describedby="help">
<button type="submit">Sign in</button>
</form>
<p id="help">The console keeps the key in its memory for this session, and acts with its rights alone.
No key yet? An administrator makes one: <code>colonnade keys create "your name" --role caller</code></p>""")


@dataclass(frozen=True, slots=True)
class Door:
    """``cookie`` names the session's cookie; ``local``: this machine alone can call the console."""

    gateway: Gateway
    sessions: Sessions
    attempts: Attempts
    cookie: str
    seconds: float
    local: bool

    def routes(self) -> list[Route]:
        return [
            Route("/sign-in", self.show, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def newcomer(self, scope: Scope) -> Session | None:
        """Whoever sits at this machine is let in without a key, as long as the gateway asks for none."""
        if not self._near(Request(scope)):
            return None
        try:
            identity = await self.gateway.anybody()
        except ColonnadeError:
            return None
        return await self.sessions.begin(self.gateway.client(""), identity) if identity else None

    async def show(self, request: Request) -> Response:
        query = request.query_params
        status, notice = 200, WHY.get(query.get("why", ""), "")
        try:
            if await self.gateway.anybody():
                if self._near(request):
                    return RedirectResponse(inside(query.get("next", "")), 303)
                notice = _needs_keys().message
        except ColonnadeError as error:
            status, notice = 503, _away(self.gateway, error)
        return self._page(request, notice, query.get("next", ""), status)

    async def sign_in(self, request: Request) -> Response:
        form = parse_qs((await _body(request)).decode("utf-8", "replace"))
        key, target = (form.get(name, [""])[0].strip() for name in ("key", "next"))
        address = request.client.host if request.client else ""
        try:
            session = await self._admitted(key, address)
        except Unauthenticated:
            _LOG.warning("a wrong key at sign-in", address=address)
            return self._page(request, _WRONG, target, 401)
        except ColonnadeError as error:
            status = 429 if isinstance(error, Overloaded) else 503
            return self._page(request, self._told(error), target, status)
        if isinstance(old := request.scope.get(SESSION), Session):
            await self.sessions.end(old)
        response = RedirectResponse(inside(target), 303)
        self._set_cookie(request, response, session.id)
        return response

    async def sign_out(self, request: Request) -> Response:
        if isinstance(session := request.scope.get(SESSION), Session):
            await self.sessions.end(session)
        response = RedirectResponse("/sign-in?why=out", 303)
        response.delete_cookie(self.cookie, path="/")
        return response

    async def _admitted(self, key: str, address: str) -> Session:
        with self.attempts.trying(address):
            if await self.gateway.anybody():
                raise _needs_keys()
            identity = await self.gateway.admit(key)
        return await self.sessions.begin(self.gateway.client(key), identity)

    def _told(self, error: ColonnadeError) -> str:
        return (
            error.message if isinstance(error, Overloaded | PermissionDenied) else _away(self.gateway, error)
        )

    def _near(self, request: Request) -> bool:
        """A proxy would lend the rights of whoever sits here to everybody."""
        forwarded = any(name in request.headers for name in _FORWARDED)
        return self.local and not forwarded and (request.client is None or is_loopback(request.client.host))

    def _set_cookie(self, request: Request, response: Response, value: str) -> None:
        """Secure where the page was loaded over https, which its own Origin says, also behind a proxy."""
        secure = request.headers.get("origin", "").startswith("https:")
        response.set_cookie(
            self.cookie, value, max_age=round(self.seconds), httponly=True, samesite="strict", secure=secure
        )

    def _page(self, request: Request, notice: str, target: str, status: int = 200) -> Response:
        told = f'<p class="notice" role="alert">{html.escape(notice)}</p>' if notice else ""
        form = _FORM.substitute(notice=told, next=html.escape(inside(target)))
        return plain_page(request.headers, "Sign in", form, status)


def _away(gateway: Gateway, error: ColonnadeError) -> str:
    if isinstance(error, Unavailable):
        return (
            f"The gateway at {gateway.url} does not answer. Start the platform with: colonnade up "
            "(or see: colonnade status), then load this page again."
        )
    return error.message


def _needs_keys() -> PermissionDenied:
    return PermissionDenied(
        "The platform has no API keys yet, so it serves its own machine alone. Make the first one there: "
        "colonnade keys create me --role admin"
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM:
            return b""
    return body
