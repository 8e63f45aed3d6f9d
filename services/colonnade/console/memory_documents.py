"""Documents that are kept whole: a list of them, and what may be done to each."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, Document
from colonnade.console.drawing import Cell, dialog, empty, table, text
from colonnade.console.foot import Do, foot
from colonnade.console.memory_document import document_dialog
from colonnade.console.memory_upload import upload_dialog
from colonnade.console.memory_whose import Whose
from colonnade.console.views.documents import found_by, length_of
from colonnade.console.views.formats import day, number, size
from colonnade.console.visit import Part, Visit, done

_MOST = 300
_HEADS = ("Document", "Whose", "Text", "Size", "Found by", "Added", "")


class Documents:
    def __init__(self, visit: Visit, whose: Whose) -> None:
        self._visit = visit
        self._whose = whose

    def draw(self) -> None:
        if self._visit.offers("POST /memory/documents", "Adding a document"):
            ui.button("Add a document", on_click=self._add).props("aria-haspopup=dialog")
        self._part: Part[Sequence[Document]] = Part(self._visit, self._load, self._show)

    async def refresh(self) -> None:
        await self._part.refresh()

    def _add(self) -> None:
        with self._visit.page.content:
            upload_dialog(self._visit, self._whose, self.refresh)

    async def _load(self, client: AsyncColonnade) -> Sequence[Document]:
        return await client.memory.documents.list(limit=_MOST, subject=self._whose.subject)

    def _show(self, documents: Sequence[Document]) -> None:
        if not documents:
            empty("There are no documents.", "Add one: plain text, Markdown, HTML or PDF.")
            return
        rows = [self._row(document) for document in documents]
        table("Documents", _HEADS, rows, right=("Size",), whole=("Whose", "Added"))

    def _row(self, document: Document) -> tuple[Cell, ...]:
        return (
            lambda: text("span", document.name, "named"),
            "the tenant's" if document.shared else "own",
            length_of(document),
            size(document.bytes),
            found_by(document),
            day(document.created_at, "unknown"),
            lambda: self._acts(document),
        )

    def _acts(self, document: Document) -> None:
        with ui.element("div").classes("line tight"):
            read = ui.button("Read", on_click=lambda: self._read(document)).props("flat dense")
            delete = ui.button("Delete", on_click=lambda: self._delete(document))
            delete.props("flat dense color=negative")
            read.props["aria-label"] = f"Read {document.name}"
            delete.props["aria-label"] = f"Delete {document.name}"

    def _read(self, document: Document) -> None:
        with self._visit.page.content:
            document_dialog(self._visit, self._whose, document.id)

    def _delete(self, document: Document) -> None:
        with self._visit.page.content:
            delete_dialog(self._visit, self._whose, document, self.refresh)


def delete_dialog(visit: Visit, whose: Whose, document: Document, changed: Do) -> None:
    with dialog("Delete a document") as opened:
        text("p", document.name, "said state-of")
        text("p", f"Its text and its {number(document.chunks)} pieces are erased for good.", "notice")

        async def delete() -> None:
            await visit.client.memory.documents.delete(document.id, subject=whose.subject)
            opened.close()
            done("It is deleted.")
            await changed()

        foot(visit, opened, ("Delete it", delete, "color=negative"), back="Keep it")
