"""Whose memory is looked at. A name stands in no address: those are written into logs on their way."""

from dataclasses import dataclass

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.foot import Do
from colonnade.console.views.memories import speaks_for_others
from colonnade.console.visit import Visit


@dataclass(slots=True)
class Whose:
    """``subject`` is None for the key's own."""

    subject: str | None = None


def draw_whose(visit: Visit, whose: Whose, changed: Do) -> None:
    """A field where the key may speak for others."""
    own = visit.session.identity.subject
    if not speaks_for_others(visit.session.identity):
        text("p", f"What is remembered of {own}.", "muted")
        return

    async def show() -> None:
        whose.subject = str(field.value or "").strip() or None
        await changed()

    with ui.element("div").classes("line"):
        field = ui.input("Whose memory", placeholder=f"your key's own: {own}").classes("search")
        field.on("keydown.enter", show)
        ui.button("Show", on_click=show).props("outline")
    text("p", "Your key may speak for others: name one, or leave it empty.", "muted")
