"""The text of a document, a stretch at a time, with what is cited from it marked."""

from nicegui import ui

from colonnade.client import AsyncColonnade, Passage, Source
from colonnade.console.drawing import dialog, text
from colonnade.console.memory_whose import Whose
from colonnade.console.views.formats import number
from colonnade.console.views.passages import PAGE, first_window, marked
from colonnade.console.visit import Part, Visit


def document_dialog(visit: Visit, whose: Whose, document_id: str, source: Source | None = None) -> None:
    """``source``: what is cited, where it is shown from."""
    with dialog("A document") as opened:
        opened.classes("wide-dialog")
        _Reader(visit, whose, document_id, source).draw()
        with ui.element("div").classes("line"):
            ui.button("Close", on_click=opened.close).props("outline")


class _Reader:
    def __init__(self, visit: Visit, whose: Whose, document_id: str, source: Source | None) -> None:
        self._whose = whose
        self._document = document_id
        self._source = source
        self._start, self._end = first_window(source)
        self._visit = visit

    def draw(self) -> None:
        self._part: Part[Passage] = Part(self._visit, self._load, self._draw)
        ui.timer(0, self._part.refresh, once=True)

    async def _load(self, client: AsyncColonnade) -> Passage:
        return await client.memory.documents.get(
            self._document, start=self._start, end=self._end, subject=self._whose.subject
        )

    def _draw(self, passage: Passage) -> None:
        text("h3", passage.document.name)
        whole, last = passage.document.characters, passage.start + len(passage.text)
        shown = f"Characters {number(passage.start)} to {number(last)} of {number(whole)}"
        text("p", shown, "muted").props("role=status")
        pieces = marked(passage, self._source)
        with ui.element("div").classes("passage").props("tabindex=0 role=region aria-label=Text"):
            text("span", pieces.before)
            if pieces.cited:
                text("mark", pieces.cited)
            text("span", pieces.after)
        with ui.element("div").classes("line tight"):
            earlier = ui.button("Earlier", on_click=lambda: self._go(passage.start - PAGE))
            later = ui.button("Later", on_click=lambda: self._go(last))
            earlier.props("flat dense").set_enabled(passage.start > 0)
            later.props("flat dense").set_enabled(last < whole)

    async def _go(self, start: int) -> None:
        self._start = max(0, start)
        self._end = self._start + PAGE
        await self._part.refresh()
