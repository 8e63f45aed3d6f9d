"""Buttons for what may be done to something that goes on."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.views.acts import Act, hints_of


class ActButtons:
    """The buttons stay where they are; what may not be done now is off, and says why below."""

    def __init__(self, buttons: Sequence[tuple[str, str, str]], ask: Callable[[str], None]) -> None:
        """Names of acts, labels and properties; ``ask`` gets the name."""
        with ui.element("div").classes("line").props("role=group aria-label='What you may do'"):
            self._buttons = {
                name: ui.button(label, on_click=lambda name=name: ask(name)).props(props)
                for name, label, props in buttons
            }
        self._hint = text("p", "", "muted")

    def show(self, acts: Sequence[Act]) -> None:
        for act in acts:
            self._buttons[act.name].set_enabled(not act.hint)
        self._hint.text = hints_of(acts)
