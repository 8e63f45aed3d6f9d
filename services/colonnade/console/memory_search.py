"""Searches what is remembered, and tells of each hit why it was found."""

from nicegui import ui

from colonnade.client import AsyncColonnade, Found
from colonnade.console.drawing import empty, text
from colonnade.console.memory_card import memory_card
from colonnade.console.memory_whose import Whose
from colonnade.console.views.memories import reasons_of, without_of
from colonnade.console.visit import Part, Visit

_MOST = 10


class Search:
    """Nothing is looked for until somebody asks."""

    def __init__(self, visit: Visit, whose: Whose) -> None:
        self._visit = visit
        self._whose = whose
        self._asked = ""

    def draw(self) -> None:
        text("p", "By words and by meaning at once, as an answer recalls it.", "muted")
        with ui.element("div").classes("line"):
            self._query = ui.input("Question").classes("broad").on("keydown.enter", self._ask)
            self._rerank = ui.checkbox("Judge again with a language model (slow)")
            ui.button("Search", on_click=self._ask)
        with ui.element("div").props("aria-live=polite"):
            self._part: Part[Found | None] = Part(self._visit, self._load, self._show)

    async def refresh(self) -> None:
        await self._part.refresh()

    async def _ask(self) -> None:
        self._asked = str(self._query.value or "").strip()
        await self.refresh()

    async def _load(self, client: AsyncColonnade) -> Found | None:
        if not self._asked:
            return None
        return await client.memory.search(
            self._asked, limit=_MOST, rerank=bool(self._rerank.value), subject=self._whose.subject
        )

    def _show(self, found: Found | None) -> None:
        if found is None:
            return
        for line in without_of(found.without):
            text("p", line, "notice")
        if not found.hits:
            empty("Nothing fits.", "Ask in other words, or look under Remembered what there is.")
        most = max((hit.why.bm25 for hit in found.hits), default=0.0)
        for hit in found.hits:
            memory_card(self._visit, self._whose, hit.memory, self.refresh, reasons_of(hit, most))
