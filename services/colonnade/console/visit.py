"""Somebody at a page: with what rights, and how a refusal of what they asked for is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from nicegui import ui
from nicegui.client import Client
from starlette.requests import Request

from colonnade.client import AsyncColonnade
from colonnade.console.drawing import empty, text
from colonnade.console.refusals import Refused, told
from colonnade.console.sessions import Session, Sessions
from colonnade.console.views.rights import why_not
from colonnade.console.ways import way_in
from colonnade.errors import ColonnadeError, DeadlineExceeded, Unauthenticated

_T = TypeVar("_T")
_Found = TypeVar("_Found")
_PATIENCE = 30.0
_SHORT_PATIENCE = 3.0
"""In seconds."""


@dataclass(slots=True, eq=False)
class Visit:
    """One page in one tab."""

    request: Request
    session: Session
    sessions: Sessions
    page: Client
    way_out: str = ""
    """Where the browser is sent instead, once the session is over."""

    @property
    def client(self) -> AsyncColonnade:
        """Has the rights of whoever signed in. Raises ``Unauthenticated`` once the session is over."""
        if not self.sessions.alive(self.session):
            raise Unauthenticated("your session has ended; sign in again")
        return self.session.client

    @property
    def open(self) -> bool:
        """Whether the gateway asks for no key."""
        return self.session.identity.key is None

    def why_not(self, route: str, act: str) -> str:
        """Why whoever is here may not call ``route``, which ``act`` does; empty: they may."""
        return why_not(self.session.identity, route, act)

    def offers(self, route: str, act: str) -> bool:
        """Whether ``act`` can be offered; where it cannot, the page says which role it takes."""
        lacks = self.why_not(route, act)
        if lacks:
            text("p", lacks, "muted")
        return not lacks

    def admits(self, route: str, act: str) -> bool:
        """``offers``, of a whole page."""
        lacks = self.why_not(route, act)
        if lacks:
            empty(lacks, "Ask an administrator for a key with that role, and sign in with it.")
        return not lacks

    async def load(self, ask: Callable[[AsyncColonnade], Awaitable[_T]], seconds: float = _PATIENCE) -> _T:
        """What a page shows: it does not wait for that as long as for an answer of a model."""
        try:
            async with asyncio.timeout(seconds):
                return await ask(self.client)
        except TimeoutError:
            raise DeadlineExceeded(f"the platform did not answer within {seconds:.0f} seconds") from None

    async def identify(self) -> None:
        """Rights change while a session goes on; where the gateway is away, they stay as it said last."""
        async with self.acting(lambda refused: None):
            self.session.identity = await self.load(AsyncColonnade.whoami, _SHORT_PATIENCE)

    async def leave(self) -> None:
        """To where one signs in: the session has ended, or the gateway no longer takes its key. What was
        found first is what is said."""
        if not self.way_out:
            why = "refused" if self.sessions.alive(self.session) else "again"
            self.way_out = way_in(self.request.url.path, why)
        await self.sessions.end(self.session)
        if self.page.has_socket_connection:
            with self.page:
                ui.navigate.to(self.way_out)

    @asynccontextmanager
    async def acting(self, show: Callable[[Refused], None] | None = None) -> AsyncIterator[None]:
        """Around what somebody asked for: a refusal is shown (as a note, by default), not raised."""
        try:
            yield
        except Unauthenticated:
            await self.leave()
        except ColonnadeError as error:
            (show or note)(told(error))


def note(refused: Refused) -> None:
    """At the foot of the page, until it is closed."""
    told = f"{refused.title}: {refused.message}\n{refused.next_step}"
    ui.notify(told, type="negative", timeout=0, close_button="Close", multi_line=True, position="bottom")


def inline(refused: Refused) -> None:
    """Where one is, read out at once."""
    with ui.element("div").props("role=alert"):
        text("p", f"{refused.title}: {refused.message}", "notice")
        text("p", refused.next_step, "muted")


def done(message: str) -> None:
    ui.notify(message, type="positive", timeout=4000, position="bottom")


class Part(Generic[_T]):
    """What is loaded and drawn, and can be again; a refusal is drawn in its stead, with a remedy."""

    def __init__(
        self, visit: Visit, load: Callable[[AsyncColonnade], Awaitable[_T]], draw: Callable[[_T], None]
    ) -> None:
        self._visit = visit
        self._load = load
        self._draw = draw
        self._drawn: object = None
        self._asked = 0
        self._box = ui.element("div").classes("part")

    async def refresh(self) -> None:
        """What has not changed is not drawn again, so that focus and selection stay. What was asked for
        before the last time comes too late."""
        self._asked += 1
        asked = self._asked
        async with self._visit.acting(lambda refused: self._redraw(asked, refused, self._show)):
            loaded = await self._visit.load(self._load)
            self._redraw(asked, loaded, self._draw)

    def _redraw(self, asked: int, found: _Found, draw: Callable[[_Found], None]) -> None:
        if asked != self._asked or found == self._drawn:
            return
        self._drawn = found
        self._box.clear()
        with self._box:
            draw(found)

    def _show(self, refused: Refused) -> None:
        with ui.element("section").classes("state").props("role=alert"):
            ui.label(refused.title).classes("state-title")
            ui.label(refused.message)
            ui.label(refused.next_step).classes("muted")
            if refused.again:
                ui.button("Try again", on_click=self.refresh).props("outline")
