"""Somebody at a page: with what rights, and how a refusal of what they asked for is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from nicegui import ui
from nicegui.client import Client
from starlette.requests import Request

from colonnade.client import AsyncColonnade
from colonnade.console.drawing import text
from colonnade.console.refusals import Refused, told
from colonnade.console.sessions import Session, Sessions
from colonnade.console.ways import way_in
from colonnade.errors import ColonnadeError, Unauthenticated

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class Visit:
    """One page in one tab."""

    request: Request
    session: Session
    sessions: Sessions
    page: Client
    gateway_url: str
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
        """Whether the gateway asked for no key when the session began."""
        return not self.session.key_id

    async def leave(self) -> None:
        """To where one signs in: the session has ended, or the gateway no longer takes its key."""
        why = "refused" if self.sessions.alive(self.session) else "again"
        await self.sessions.end(self.session)
        self.way_out = way_in(self.request.url.path, why)
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
    ui.notify(
        f"{refused.title}: {refused.message}", type="negative", timeout=0, close_button="Close",
        multi_line=True, position="bottom",
    )  # fmt: skip


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
        self._drawn: _T | Refused | None = None
        self._box = ui.element("div").classes("part")

    async def refresh(self) -> None:
        """What has not changed is not drawn again, so that focus and selection stay."""
        async with self._visit.acting(self._refused):
            loaded = await self._load(self._visit.client)
            if loaded != self._drawn:
                self._drawn = loaded
                self._redraw(lambda: self._draw(loaded))

    def _refused(self, refused: Refused) -> None:
        if refused != self._drawn:
            self._drawn = refused
            self._redraw(lambda: self._show(refused))

    def _redraw(self, draw: Callable[[], None]) -> None:
        self._box.clear()
        with self._box:
            draw()

    def _show(self, refused: Refused) -> None:
        with ui.element("section").classes("state").props("role=alert"):
            ui.label(refused.title).classes("state-title")
            ui.label(refused.message)
            ui.label(refused.next_step).classes("muted")
            if refused.again:
                ui.button("Try again", on_click=self.refresh).props("outline")
