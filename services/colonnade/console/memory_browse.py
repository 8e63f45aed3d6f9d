"""What is remembered, newest first, by kind."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, Memory
from colonnade.console.drawing import empty, text
from colonnade.console.memory_card import memory_card
from colonnade.console.memory_whose import Whose
from colonnade.console.views.memories import KINDS, PERSONAL
from colonnade.console.visit import Part, Visit

_AT_ONCE = 30


class Browse:
    def __init__(self, visit: Visit, whose: Whose) -> None:
        self._visit = visit
        self._whose = whose
        self._limit = _AT_ONCE

    def draw(self) -> None:
        with ui.element("div").classes("line"):
            self._kinds = (
                ui.select(
                    dict(KINDS), label="Kinds", value=list(PERSONAL), multiple=True, on_change=self._anew
                )
                .props("use-chips")
                .classes("broad")
            )
            self._session = ui.input("Of one session", placeholder="any").on("keydown.enter", self._anew)
        self._part: Part[Sequence[Memory]] = Part(self._visit, self._load, self._show)

    async def refresh(self) -> None:
        await self._part.refresh()

    async def _anew(self) -> None:
        self._limit = _AT_ONCE
        await self.refresh()

    async def _more(self) -> None:
        self._limit += _AT_ONCE
        await self.refresh()

    async def _load(self, client: AsyncColonnade) -> Sequence[Memory]:
        """One more than is shown, which says whether there are more."""
        kinds, session = list(self._kinds.value), str(self._session.value or "").strip()
        return await client.memory.list(
            limit=self._limit + 1,
            kinds=kinds or None,
            session=session or None,
            subject=self._whose.subject,
        )

    def _show(self, memories: Sequence[Memory]) -> None:
        if not memories:
            empty(
                "Nothing of these kinds is remembered.",
                "Choose other kinds, or have something remembered: colonnade memory remember TEXT",
            )
        for memory in memories[: self._limit]:
            memory_card(self._visit, self._whose, memory, self.refresh)
        if len(memories) > self._limit:
            text("p", f"The newest {self._limit}.", "muted")
            ui.button("Show more", on_click=self._more).props("outline")
