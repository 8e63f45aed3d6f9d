"""Adds a document: from the browser to the console, and from there to the platform, with a bar."""

import tempfile
from pathlib import Path

from nicegui import ui
from nicegui.events import UiEventArguments, UploadEventArguments

from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do
from colonnade.console.guard import MAX_UPLOAD_BYTES
from colonnade.console.memory_whose import Whose
from colonnade.console.refusals import Refused
from colonnade.console.views.formats import size
from colonnade.console.visit import Visit, done, inline

_ENDINGS = ".txt,.md,.markdown,.html,.htm,.pdf"
_LOOKS = 0.2
"""Seconds between two looks at how far it is."""
_PICK = "() => getElement(%d).$refs.qRef.pickFiles()"
_REJECTED = Refused(
    "Not taken",
    f"a document ends with one of {_ENDINGS.replace(',', ', ')}, and has {size(MAX_UPLOAD_BYTES)} at most",
    "Choose another file.",
)


class Upload:
    """One file at a time; the dialog stays for the next one where one was refused."""

    def __init__(self, visit: Visit, whose: Whose, changed: Do, opened: ui.dialog) -> None:
        self._visit = visit
        self._whose = whose
        self._changed = changed
        self._opened = opened
        self._sent, self._of = 0, 1

    def draw(self) -> None:
        text("p", "Plain text, Markdown, HTML or PDF. It is kept whole, and found by its pieces.", "muted")
        self._shared = ui.checkbox("Share it with everybody of the tenant")
        self._uploader = ui.upload(
            auto_upload=True, max_file_size=MAX_UPLOAD_BYTES,
            on_begin_upload=self._begun, on_upload=self._arrived, on_rejected=self._rejected,
        ).classes("picker").props(f'accept="{_ENDINGS}"')  # fmt: skip
        self._bar = ui.element("progress").props("max=1 value=0 aria-label='Progress of the document'")
        self._told = text("p", "", "muted").props("role=status")
        self._refusal = ui.element("div")
        self._bar.set_visibility(False)
        with ui.element("div").classes("line"):
            self._choose = ui.button("Choose a file").props("autofocus")
            self._choose.on("click", js_handler=_PICK % self._uploader.id)
            ui.button("Close", on_click=self._opened.close).props("outline")
        self._timer = ui.timer(_LOOKS, self._look, active=False)

    def _begun(self, event: UiEventArguments) -> None:
        self._refusal.clear()
        self._told.text = "On its way to the console."
        self._show(going=True)

    def _rejected(self, event: UiEventArguments) -> None:
        self._refuse(_REJECTED)

    async def _arrived(self, event: UploadEventArguments) -> None:
        """Passed on from a file, which is gone afterwards: a document is not held in memory."""
        try:
            with tempfile.TemporaryDirectory() as folder, self._refusal:
                path = Path(folder) / "document"
                await event.file.save(path)
                async with self._visit.acting(self._refuse):
                    await self._pass_on(path, event.file.name)
        finally:
            self._uploader.reset()
            self._show(going=False)

    async def _pass_on(self, path: Path, name: str) -> None:
        kept = await self._visit.client.memory.documents.add(
            path, name=name, shared=bool(self._shared.value), subject=self._whose.subject, show=self._count
        )
        self._opened.close()
        done(f"{kept.name} is kept, in {kept.chunks} pieces.")
        await self._changed()

    def _count(self, sent: int, of: int) -> None:
        """Called in another thread, which may not touch the page."""
        self._sent, self._of = sent, max(1, of)

    def _look(self) -> None:
        share = self._sent / self._of
        self._bar.props["value"] = f"{share:.3f}"
        if self._sent:
            self._told.text = "The platform reads it." if share >= 1 else f"{share:.0%} is at the platform."

    def _show(self, *, going: bool) -> None:
        self._sent, self._of = 0, 1
        self._timer.active = going
        self._bar.set_visibility(going)
        self._choose.set_enabled(not going)
        if not going:
            self._told.text = ""

    def _refuse(self, refused: Refused) -> None:
        self._refusal.clear()
        with self._refusal:
            inline(refused)


def upload_dialog(visit: Visit, whose: Whose, changed: Do) -> None:
    with dialog("Add a document") as opened:
        opened.props("persistent")
        Upload(visit, whose, changed, opened).draw()
