"""The outermost layer: which names and pages may call, whose session it is, and what the browser may do.

Pure ASGI, and knows nothing of what is drawn inside.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colonnade.console.sessions import Session, Sessions
from colonnade.console.ways import way_in
from colonnade.errors import PermissionDenied
from colonnade.security.network import check_host, check_origin

SESSION = "colonnade.session"
"""Where in the ASGI scope a request's session stands."""
SOCKET = "/_nicegui_ws/"
_UPLOADS = "/_nicegui/client/"
MAX_UPLOAD_BYTES = 64_000_000
"""Of a document on its way through the console; the platform has a limit of its own."""
_FORM_BYTES = 10_000
"""What a form puts around a file."""
_OPEN_PATHS = ("/sign-in", "/session", "/health/", "/assets/", "/_nicegui/", "/favicon.ico")
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SCRIPT = re.compile(rb"<script(?=[\s>])")
_HIDDEN = frozenset({b"x-forwarded-prefix"})  # would be written into pages

SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
Newcomer = Callable[[Scope], Awaitable[Session | None]]
"""A session for a browser that has none; None where it has to sign in."""


def policy(nonce: str = "") -> str:
    """The Content-Security-Policy. With a nonce, scripts of the page that carries it run.

    Vue compiles templates in the browser, which takes ``unsafe-eval``; only the console's own templates are
    ever given to it. Styles stand inline on elements.
    """
    scripts = f"'self' 'nonce-{nonce}' 'unsafe-eval'" if nonce else "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def cookie_of(headers: Headers, name: str) -> str:
    """The value of a cookie; empty where there is none, or what was sent is none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


class Guard:
    """``owner``: whose page a socket wants to speak for; ``newcomer`` may let a browser in without a key."""

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        *,
        cookie: str,
        hosts: Collection[str],
        owner: Callable[[str], Session | None],
        newcomer: Newcomer,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie
        self._hosts = hosts
        self._owner = owner
        self._newcomer = newcomer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope["headers"] = [each for each in scope["headers"] if each[0] not in _HIDDEN]
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except PermissionDenied as error:
            await _refuse(scope, receive, send, error.message)
            return
        scope[SESSION] = self._sessions.find(cookie_of(headers, self._cookie))
        inside = self._socket if scope["type"] == "websocket" else self._http
        await inside(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Raises ``PermissionDenied``. Where something may be changed, a browser always names its page."""
        host, origin = headers.get("host"), headers.get("origin")
        if not scope["path"].startswith("/health/"):
            check_host(host, self._hosts)
        if scope["type"] == "websocket" or scope["method"] in _CHANGES:
            check_origin(origin or "null", host)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        session: Session | None = scope[SESSION]
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("client_id", [""])
        if session is None or self._owner(asked[0]) is not session:
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _may_upload(self, scope: Scope) -> bool:
        """To a page of one's own session, of a length that is told beforehand."""
        session: Session | None = scope[SESSION]
        page = scope["path"].removeprefix(_UPLOADS).partition("/")[0]
        length = Headers(scope=scope).get("content-length", "")
        fits = length.isdecimal() and int(length) <= MAX_UPLOAD_BYTES + _FORM_BYTES
        return session is not None and self._owner(page) is session and fits

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(SOCKET):
            await _refuse(scope, receive, send, "sockets only", 404)
            return
        if path.startswith(_UPLOADS) and not self._may_upload(scope):
            await _refuse(scope, receive, send, "not from here, or too large")
            return
        sender = _Sender(send)
        if scope[SESSION] is None and not path.startswith(_OPEN_PATHS):
            scope[SESSION] = session = await self._newcomer(scope)
            if session is None:
                why = "again" if cookie_of(Headers(scope=scope), self._cookie) else ""
                await RedirectResponse(way_in(path, why), 303)(scope, receive, sender)
                return
            sender.cookie = f"{self._cookie}={session.id}; Path=/; HttpOnly; SameSite=Strict"
        await self._app(scope, receive, sender)


class _Sender:
    """Adds the headers, and to each script of a page the nonce that lets it run."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self.cookie = ""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._dress(message)
            if _is_page(message):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._page(self._start)
            return
        await self._send(message)

    def _dress(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in SAFE_HEADERS.items():
            headers[name] = value
        headers["content-security-policy"] = policy()
        if self.cookie:
            headers.append("set-cookie", self.cookie)

    async def _page(self, start: Message) -> None:
        nonce = secrets.token_urlsafe(16)
        body = _SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), bytes(self._body))
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        headers["content-security-policy"] = policy(nonce)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("x-nicegui-content") == "page"


async def _refuse(scope: Scope, receive: Receive, send: Send, message: str, status: int = 403) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await PlainTextResponse(message, status, headers=SAFE_HEADERS)(scope, receive, send)
