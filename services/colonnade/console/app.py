"""The application: the guard around the sign-in, the pages and the few plain routes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as pages_app
from nicegui import ui
from nicegui.client import Client
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from colonnade.console.door import Door
from colonnade.console.drawing import text
from colonnade.console.frame import framed
from colonnade.console.gateway import Gateway
from colonnade.console.guard import SESSION, Guard
from colonnade.console.places import Build, Place, all_places
from colonnade.console.plain import nowhere
from colonnade.console.sessions import Attempts, Session, Sessions
from colonnade.console.settings import ConsoleSettings
from colonnade.console.views.usage import csv_of
from colonnade.console.visit import Visit
from colonnade.errors import HTTP_STATUS, ColonnadeError
from colonnade.security.network import parse_authority

_ASSETS = Path(__file__).parent / "assets"
_ICON = _ASSETS / "icon.svg"
_HEAD = """<link rel="stylesheet" href="/assets/console.css">
<script defer src="/assets/console.js"></script>"""
_PAGE_SECONDS = 60.0
_MOST_DAYS = 366
_COMPRESS_FROM = 1024


def build(settings: ConsoleSettings) -> tuple[ASGIApp, Sessions]:
    """The application as a server runs it, and the sessions that end with it."""
    sessions = Sessions(settings.session_seconds, settings.max_sessions)
    door = Door(
        Gateway(settings.gateway_url, settings.gateway_seconds),
        sessions,
        Attempts(settings.sign_ins_per_minute),
        cookie_name(settings.listen),
        settings.session_seconds,
        settings.local,
    )
    _draw_pages(sessions)
    inner = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner.router.routes.extend([*door.routes(), *_plain_routes()])
    ui.run_with(
        inner, title="Colonnade", favicon=_ICON, dark=None, language="en-US", tailwind=False,
        show_welcome_message=False, gzip_middleware_factory=None, binding_refresh_interval=None,
        reconnect_timeout=10.0,
    )  # fmt: skip
    pages_app.config.socket_io_js_transports = ["websocket"]
    pages_app.on_page_exception(_broken)
    pages_app.add_exception_handler(404, nowhere)
    guarded = Guard(
        inner, sessions, cookie=door.cookie, hosts=settings.hosts, owner=_owner, newcomer=door.newcomer
    )
    return GZipMiddleware(guarded, minimum_size=_COMPRESS_FROM), sessions


def cookie_name(listen: str) -> str:
    """Cookies do not keep ports apart; consoles of two platforms on one machine must not share one."""
    authority = parse_authority(listen)
    return f"colonnade_console_{authority.port if authority else 0}"


def _draw_pages(sessions: Sessions) -> None:
    ui.add_head_html(_HEAD, shared=True)
    for kind in (ui.input, ui.number, ui.textarea, ui.select):
        kind.default_props("outlined dense stack-label")
    ui.button.default_props("no-caps unelevated")
    places = all_places()
    for place in places:
        _page(place, place.path, place.build, places, sessions)
        for path, builder in place.below.items():
            _page(place, path, builder, places, sessions)


def _page(
    place: Place,
    path: str,
    builder: Build,
    places: Sequence[Place],
    sessions: Sessions,
) -> None:
    async def draw(request: Request, client: Client) -> Response | None:
        visit = Visit(request, request.scope[SESSION], sessions, client)
        await visit.identify()
        if not visit.way_out:
            with framed(visit, place, places):
                await builder(visit)
        return RedirectResponse(visit.way_out, 303) if visit.way_out else None

    ui.page(path, title=f"{place.title} · Colonnade", response_timeout=_PAGE_SECONDS)(draw)


def _broken() -> None:
    """In the place of a page that failed: nothing of why, which is in the log."""
    text("h1", "Something went wrong")
    text("p", "It is a fault of ours, and the log has the rest: colonnade logs console")


def _owner(client_id: str) -> Session | None:
    """Whose page it is: a socket speaks for a page of its own session, or not at all."""
    client = Client.instances.get(client_id)
    return client.request.scope.get(SESSION) if client is not None else None


def _plain_routes() -> list[Route | Mount]:
    return [
        Route("/health/live", _well),
        Route("/health/ready", _well),
        Route("/session", _whether),
        Route("/favicon.ico", _icon),
        Route("/usage.csv", _usage),
        Mount("/assets", StaticFiles(directory=_ASSETS)),
    ]


async def _well(request: Request) -> Response:
    """Ready as soon as it serves: where the gateway is away, the pages say so."""
    return PlainTextResponse("ok")


async def _whether(request: Request) -> Response:
    """Whether the session lives; asked by pages whose socket was refused."""
    told = "over" if request.scope[SESSION] is None else "on"
    return PlainTextResponse(told, headers={"cache-control": "no-store"})


async def _icon(request: Request) -> Response:
    return FileResponse(_ICON, media_type="image/svg+xml")


async def _usage(request: Request) -> Response:
    session: Session = request.scope[SESSION]
    try:
        days = min(_MOST_DAYS, max(1, int(request.query_params.get("days", "30"))))
    except ValueError:
        return PlainTextResponse("days must be a whole number", 400)
    last = datetime.now(UTC).date()
    try:
        report = await session.client.usage(
            first=last - timedelta(days=days - 1), last=last, group_by=("day", "key", "model", "adapter")
        )
    except ColonnadeError as error:
        return PlainTextResponse(error.message, HTTP_STATUS[error.code])
    headers = {"content-disposition": f'attachment; filename="usage-{last}.csv"', "cache-control": "no-store"}
    return Response(csv_of(report.usage), media_type="text/csv; charset=utf-8", headers=headers)
