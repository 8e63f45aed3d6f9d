"""Imports a model: what from, under which name, and how far it is."""

import asyncio

from nicegui import ui

from colonnade.client import ImportProgress
from colonnade.console.drawing import dialog, text
from colonnade.console.refusals import Refused
from colonnade.console.views.links import model_link
from colonnade.console.visit import Visit
from colonnade.errors import InvalidArgument
from colonnade.storage.bundled import MODELS, PREFIX

_STAGES = ("queued", "read", "convert", "store", "register", "done")


def fraction_of(progress: ImportProgress) -> float:
    """Of the whole, 0 to 1; every stage counts alike."""
    if progress.stage not in _STAGES:
        return 0.0
    done = _STAGES.index(progress.stage) + min(1.0, max(0.0, progress.fraction))
    return round(min(1.0, done / (len(_STAGES) - 1)), 3)


class Import:
    """The form of one import, and its way."""

    def __init__(self, visit: Visit, opened: ui.dialog) -> None:
        self._visit = visit
        self._opened = opened
        self._task: asyncio.Task[None] | None = None

    def draw(self) -> None:
        text("p", "A bundled model, or a folder or .gguf file on the platform's machine.", "muted")
        known = [PREFIX + name for name in MODELS]
        self._source = ui.input("Source", placeholder=known[0], autocomplete=known).props("autofocus")
        with ui.element("div").classes("line"):
            for source in known:
                ui.button(source, on_click=lambda source=source: self._take(source)).props("flat dense")
        self._name = ui.input("Name", placeholder="as in smollm2")
        self._alias = ui.input("Alias to move there (optional)", placeholder="production")
        self._description = ui.textarea("Description (optional)").props("autogrow")
        self._base = ui.input("Base, for adapters alone", placeholder="smollm2:1")
        self._bar = ui.linear_progress(0, show_value=False).props(
            "aria-label='Progress of the import' size=8px"
        )
        self._told = text("p", "", "muted").props("role=status")
        with ui.element("div").classes("line"):
            self._begin = ui.button("Import", on_click=self._run)
            ui.button("Cancel", on_click=self._cancel).props("outline")
        self._visit.page.on_delete(self.stop)

    def stop(self) -> None:
        """Whoever stops listening stops the import."""
        if self._task is not None:
            self._task.cancel()

    def _cancel(self) -> None:
        """The import, while one goes on; else the dialog."""
        if self._task is None:
            self._opened.close()
        self.stop()

    def _take(self, source: str) -> None:
        self._source.value = source
        self._name.value = source.removeprefix(PREFIX)

    async def _run(self) -> None:
        if self._task is not None:
            return
        self._begin.disable()
        self._task = asyncio.create_task(self._listen())
        try:
            await self._task
        except asyncio.CancelledError:
            self._told.text = "Stopped. Nothing of it was registered."
        finally:
            self._task = None
            self._begin.enable()

    async def _listen(self) -> None:
        with self._told:
            async with self._visit.acting(self._refused):
                source, name = str(self._source.value or "").strip(), str(self._name.value or "").strip()
                if not source or not name:
                    raise InvalidArgument("an import needs a source and a name", field="source")
                more = {
                    "alias": str(self._alias.value or "").strip() or None,
                    "description": str(self._description.value or "") or None,
                    "base": str(self._base.value or "").strip() or None,
                }
                async with self._visit.client.models.import_(source, name=name, **more) as stream:
                    async for progress in stream:
                        self._bar.value = fraction_of(progress)
                        self._told.text = f"{progress.stage}: {progress.message}".removesuffix(": ")
                    ui.navigate.to(model_link(stream.result.name))

    def _refused(self, refused: Refused) -> None:
        self._told.text = f"{refused.title}: {refused.message} {refused.next_step}"


def import_dialog(visit: Visit) -> None:
    with dialog("Import a model") as opened:
        opened.props("persistent")
        Import(visit, opened).draw()
