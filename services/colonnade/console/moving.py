"""Moves an alias: the new shares, what they change, and only then the move itself."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from colonnade.client import Model
from colonnade.console.drawing import dialog, text
from colonnade.console.views.versions import Move, move_of
from colonnade.console.visit import Visit, done, inline

_MOST_TARGETS = 10
_PRODUCTION = "production"


class Moving:
    """The form. A move goes out with the revision that was seen, so nobody's is overwritten unseen."""

    def __init__(
        self, visit: Visit, model: Model, moved: Callable[[], Awaitable[None]], close: Callable[[], object]
    ) -> None:
        self._visit = visit
        self._model = model
        self._moved = moved
        self._close = close
        self._shares: list[tuple[ui.select, ui.number]] = []

    def draw(self) -> None:
        text("p", "All at once, unwatched. Where rollouts alone move an alias, this is refused.", "muted")
        names = sorted({_PRODUCTION, *(alias.name for alias in self._model.aliases)})
        self._alias = ui.select(names, label="Alias, or a new name", value=_PRODUCTION, new_value_mode="add")
        self._rows = ui.element("div").classes("rows")
        self._add(100)
        ui.button("Add a version", on_click=lambda: self._add(0)).props("flat dense")
        self._preview = ui.element("div").props("aria-live=polite")
        with ui.element("div").classes("line"):
            ui.button("Preview", on_click=self._show)
            ui.button("Cancel", on_click=self._close).props("outline")

    def _add(self, share: int) -> None:
        if len(self._shares) >= _MOST_TARGETS:
            return
        labels = {each.version: f"Version {each.version}" for each in self._model.versions}
        with self._rows, ui.element("div").classes("line"):
            version = ui.select(labels, label="Version", value=next(iter(labels), None))
            percent = ui.number("Share in percent", value=share, min=0, max=100, step=1)
        self._shares.append((version, percent))

    async def _show(self) -> None:
        self._preview.clear()
        with self._preview:
            async with self._visit.acting(inline):
                chosen = [(int(version.value), share.value) for version, share in self._shares]
                self._confirm(move_of(self._model, str(self._alias.value or ""), chosen))

    def _confirm(self, move: Move) -> None:
        text("h3", f"{move.model}@{move.alias}" + ("" if move.revision else " (new)"))
        if not move.changes:
            text("p", "That is where it points already.", "muted")
            return
        with ui.element("ul"):
            for line in move.changes:
                text("li", line)
        ui.button("Move it", on_click=lambda: self._go(move))

    async def _go(self, move: Move) -> None:
        with self._preview:
            async with self._visit.acting(inline):
                await self._visit.client.models.set_alias(
                    move.model, move.alias, move.after, expected_revision=move.revision
                )
                self._close()
                done(f"{move.model}@{move.alias} is moved.")
                await self._moved()


def move_dialog(visit: Visit, model: Model, moved: Callable[[], Awaitable[None]]) -> None:
    with dialog(f"Move an alias of {model.name}") as opened:
        Moving(visit, model, moved, opened.close).draw()
