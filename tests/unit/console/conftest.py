"""The console's door and guard before a gateway that is played, and pages that stand for NiceGUI's."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from colonnade.client import Identity
from colonnade.console.door import Door
from colonnade.console.gateway import Gateway
from colonnade.console.guard import SESSION, Guard
from colonnade.console.sessions import Attempts, Session, Sessions

KEY = f"ck_{'a' * 16}_{'b' * 43}"
WRONG = f"ck_{'a' * 16}_{'c' * 43}"
COOKIE = "colonnade_console_8081"
HERE = "http://127.0.0.1:8081"
ANN = Identity("acme", "ann", "k1", ("caller",), ("GET /whoami", "GET /models"))


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class PlayedGateway:
    """Takes ``KEY``; ``open``: takes everybody; ``away``: does not answer."""

    def __init__(self) -> None:
        self.open = False
        self.away = False
        self.keys = {KEY}
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("nobody there", request=request)
        self.asked.append(request.url.path)
        if not self.open and request.headers.get("authorization", "")[7:] not in self.keys:
            body = {"error": {"code": "unauthenticated", "message": "send a valid key", "details": {}}}
            return httpx.Response(401, json=body)
        key = None if self.open else "a" * 16
        told = {"tenant": "acme", "subject": "ann", "key": key, "roles": ["caller"], "may": ["GET /whoami"]}
        return httpx.Response(200, json=told)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway() -> PlayedGateway:
    return PlayedGateway()


@pytest.fixture
async def sessions(clock: Clock) -> AsyncIterator[Sessions]:
    made = Sessions(3600, 3, clock)
    yield made
    await made.close()


@pytest.fixture
def guard(gateway: PlayedGateway, sessions: Sessions, clock: Clock) -> Guard:
    return guarded(gateway, sessions, clock)


def guarded(gateway: PlayedGateway, sessions: Sessions, clock: Clock, *, local: bool = True) -> Guard:
    """As ``app.build`` puts it together, on loopback or where others can call."""
    reached = Gateway("http://gateway:8080", 5, httpx.MockTransport(gateway.answer))
    door = Door(reached, sessions, Attempts(2, clock), COOKIE, 3600, local)
    app = Starlette(routes=[*door.routes(), Route("/{path:path}", _page)])
    owners: dict[str, Session] = {}
    app.state.owners = owners
    hosts = ("127.0.0.1", "localhost", "[::1]") if local else ("*",)
    return Guard(app, sessions, cookie=COOKIE, hosts=hosts, owner=owners.get, newcomer=door.newcomer)


@pytest.fixture
async def browser(guard: Guard) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(guard) as client:
        yield client


def opened(guard: Guard) -> httpx.AsyncClient:
    """A browser on this machine, which names its page where something may be changed."""
    transport = httpx.ASGITransport(guard, client=("127.0.0.1", 50000))
    return httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE})


async def _page(request: Request) -> HTMLResponse:
    session: Session | None = request.scope[SESSION]
    who = "nobody" if session is None else session.identity.key or "anybody"
    page = f"<head><script>1</script></head><p>{who} &lt;script&gt;<script type='module'>2</script>"
    return HTMLResponse(page, headers={"x-nicegui-content": "page"})
