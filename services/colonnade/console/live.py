"""A page that keeps up: loaded again and again, and changed only where something has changed."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from nicegui import ui

from colonnade.client import AsyncColonnade
from colonnade.console.drawing import text
from colonnade.console.refusals import Refused
from colonnade.console.visit import Visit

_T = TypeVar("_T")
_Shown = TypeVar("_Shown")


def piece(choose: Callable[[_T], _Shown], draw: Callable[[_Shown], None]) -> Callable[[_T], None]:
    """What shows a part of what was loaded: drawn anew only when what is chosen of it is another, so that
    what stands beside it keeps its focus."""
    drawn: list[_Shown] = []
    box = ui.element("div").classes("part")

    def show(loaded: _T) -> None:
        chosen = choose(loaded)
        if drawn == [chosen]:
            return
        drawn[:] = [chosen]
        box.clear()
        with box:
            draw(chosen)

    return show


class Live(Generic[_T]):
    """``build`` draws once and returns what shows each load; when one is ``over``, none follows by
    itself, until one that is asked for finds it going on. Where one fails, what was there stays, and is said
    to be old."""

    def __init__(
        self,
        visit: Visit,
        load: Callable[[AsyncColonnade], Awaitable[_T]],
        build: Callable[[_T], Callable[[_T], None]],
        over: Callable[[_T], bool] = lambda loaded: False,
    ) -> None:
        self._visit = visit
        self._load = load
        self._build = build
        self._over = over
        self._timer: ui.timer | None = None
        self._show: Callable[[_T], None] | None = None
        self._refused: Refused | None = None
        self._asked = 0
        self._notice = ui.element("div").props("role=alert")
        self._box = ui.element("div").classes("part")

    async def follow(self, seconds: float) -> None:
        """Loads now, then again each time so many seconds have passed."""
        self._timer = ui.timer(seconds, self.refresh, immediate=False)
        await self.refresh()

    async def refresh(self) -> None:
        """What was asked for before the last time comes too late: it may be older than what is shown."""
        self._asked += 1
        asked = self._asked
        async with self._visit.acting(self._tell):
            loaded = await self._visit.load(self._load)
            if asked != self._asked:
                return
            self._tell(None)
            if self._show is None:
                with self._box:
                    self._show = self._build(loaded)
            self._show(loaded)
            if self._timer is not None:
                self._timer.active = not self._over(loaded)

    def _tell(self, refused: Refused | None) -> None:
        if refused == self._refused:
            return
        self._refused = refused
        self._notice.clear()
        if refused is None:
            return
        with self._notice, ui.element("section").classes("state"):
            text("p", refused.title, "state-title")
            text("p", refused.message)
            text("p", refused.next_step, "muted")
            if self._show is not None:
                text("p", "What stands below is what was seen last.", "muted")
            if refused.again:
                ui.button("Try again", on_click=self.refresh).props("outline")
