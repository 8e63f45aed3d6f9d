"""Moves an alias: the new shares, what they change, and only then the move itself."""

from nicegui import ui

from colonnade.client import Model
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, asking, foot
from colonnade.console.views.versions import Move, move_of
from colonnade.console.visit import Visit, done

_MOST_TARGETS = 10
_PRODUCTION = "production"


class Moving:
    """The form. A move goes out with the revision that was seen, so nobody's is overwritten unseen."""

    def __init__(self, visit: Visit, model: Model, moved: Do, opened: ui.dialog) -> None:
        self._visit = visit
        self._model = model
        self._moved = moved
        self._opened = opened
        self._shares: list[tuple[ui.select, ui.number]] = []

    def draw(self) -> None:
        text("p", "All at once, unwatched. Where rollouts alone move an alias, this is refused.", "muted")
        names = sorted({_PRODUCTION, *(alias.name for alias in self._model.aliases)})
        self._alias = ui.select(names, label="Alias, or a new name", value=_PRODUCTION, new_value_mode="add")
        self._rows = ui.element("div").classes("rows")
        add = ui.button("Add a version", on_click=lambda: self._add(0)).props("flat dense")
        add.set_enabled(len(self._model.versions) > 1)
        self._preview = ui.element("div").props("aria-live=polite")
        self._alias.on_value_change(self._preview.clear)
        self._add(100)
        foot(self._visit, self._opened, ("Preview", self._show, ""))

    def _add(self, share: int) -> None:
        """The newest version that has no share yet; what was previewed holds no more once it is changed."""
        if len(self._shares) >= _MOST_TARGETS:
            return
        labels = {each.version: f"Version {each.version}" for each in self._model.versions}
        taken = {version.value for version, _ in self._shares}
        first = next((each for each in labels if each not in taken), next(iter(labels), None))
        with self._rows, ui.element("div").classes("line"):
            version = ui.select(labels, label="Version", value=first, on_change=self._preview.clear)
            percent = ui.number(
                "Share in percent", value=share, min=0, max=100, step=1, on_change=self._preview.clear
            )
        self._shares.append((version, percent))
        self._preview.clear()

    async def _show(self) -> None:
        self._preview.clear()
        chosen = [(int(version.value), share.value) for version, share in self._shares]
        move = move_of(self._model, str(self._alias.value or ""), chosen)
        with self._preview:
            text("h3", f"{move.model}@{move.alias}" + ("" if move.revision else " (new)"))
            if not move.changes:
                text("p", "That is where it points already.", "muted")
                return
            with ui.element("ul"):
                for line in move.changes:
                    text("li", line)
            asking(self._visit, ui.element("div"), "Move it", lambda: self._go(move))

    async def _go(self, move: Move) -> None:
        await self._visit.client.models.set_alias(
            move.model, move.alias, move.after, expected_revision=move.revision
        )
        self._opened.close()
        done(f"{move.model}@{move.alias} is moved.")
        await self._moved()


def move_dialog(visit: Visit, model: Model, moved: Do) -> None:
    with dialog(f"Move an alias of {model.name}") as opened:
        Moving(visit, model, moved, opened).draw()
