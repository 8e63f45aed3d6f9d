"""What a page does while answers are late, out of order, or refused."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from nicegui import background_tasks, core, ui
from nicegui.client import Client
from nicegui.page import page
from starlette.requests import Request

from colonnade.client import AsyncColonnade, Identity
from colonnade.console.foot import asking
from colonnade.console.live import Live
from colonnade.console.sessions import Sessions
from colonnade.console.visit import Part, Visit
from colonnade.errors import ColonnadeError, DeadlineExceeded, Unauthenticated, Unavailable
from tests.unit.console.conftest import ANN, HERE


@pytest.fixture
def shown() -> Iterator[Client]:
    """A page that nobody looks at."""
    client = Client(page(""))
    yield client
    client.delete()


@pytest.fixture
async def visit(shown: Client, sessions: Sessions) -> Visit:
    session = await sessions.begin(AsyncColonnade(HERE, "ck_x"), ANN)
    request = Request({"type": "http", "path": "/models", "headers": []})
    return Visit(request, session, sessions, shown)


class Answers:
    """The first is late, the second is not."""

    def __init__(self) -> None:
        self.late: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._left: list[Awaitable[str]] = [self.late, asyncio.sleep(0, "second")]

    async def load(self, client: AsyncColonnade) -> str:
        return await self._left.pop(0)

    async def cross(self, refresh: Callable[[], Awaitable[None]]) -> None:
        first = asyncio.ensure_future(refresh())
        await asyncio.sleep(0)
        await refresh()
        self.late.set_result("first")
        await first


async def test_of_two_loads_the_one_that_began_last_is_shown(visit: Visit) -> None:
    answers, drawn = Answers(), list[str]()
    with visit.page:
        part = Part(visit, answers.load, drawn.append)
    await answers.cross(part.refresh)
    assert drawn == ["second"]


async def test_a_page_that_keeps_up_does_not_fall_back(visit: Visit) -> None:
    answers, drawn = Answers(), list[str]()
    with visit.page:
        live = Live(visit, answers.load, lambda first: drawn.append)
    await answers.cross(live.refresh)
    assert drawn == ["second"]


async def test_what_is_not_answered_in_time_is_refused(visit: Visit) -> None:
    async def never(client: AsyncColonnade) -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlineExceeded, match="within 0 seconds"):
        await visit.load(never, 0.001)


async def test_rights_are_asked_for_anew_and_kept_while_the_gateway_is_away(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = replace(ANN, roles=("admin",), may=("POST /keys",))
    answers: list[Identity | ColonnadeError] = [more, Unavailable("nobody there")]

    async def whoami(client: AsyncColonnade) -> Identity:
        answer = answers.pop(0)
        if isinstance(answer, ColonnadeError):
            raise answer
        return answer

    monkeypatch.setattr(AsyncColonnade, "whoami", whoami)
    for _ in range(2):
        await visit.identify()
        assert visit.why_not("POST /keys", "Making a key") == ""
    assert not answers


async def test_a_key_that_is_refused_leads_out_and_is_told_so_once(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def whoami(client: AsyncColonnade) -> Identity:
        raise Unauthenticated("revoked")

    monkeypatch.setattr(AsyncColonnade, "whoami", whoami)
    await visit.identify()
    await visit.identify()
    assert visit.way_out == "/sign-in?next=/models&why=refused"
    assert not visit.sessions.alive(visit.session)


async def test_a_double_click_asks_once(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "loop", asyncio.get_running_loop())  # as a page that is served has it
    begun, go_on = list[str](), asyncio.Event()

    async def act() -> None:
        begun.append("asked")
        await go_on.wait()

    with visit.page:
        button = asking(visit, ui.element("div"), "Make it", act)
    [listener] = button._event_listeners
    for _ in range(2):
        visit.page.handle_event({"id": button.id, "listener_id": listener, "args": []})
    await asyncio.sleep(0)
    assert (begun, button.enabled) == (["asked"], False)
    go_on.set()
    await asyncio.gather(*background_tasks.running_tasks)
    assert button.enabled
