"""A place that is kept for what this installation does not have yet."""

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.places import Place
from colonnade.console.visit import Visit


def coming(path: str, title: str, order: int, what: str, documentation: str) -> Place:
    """``what`` one will do here; ``documentation``: the file that is going to tell about it."""

    async def build(visit: Visit) -> None:
        with ui.element("section").classes("state"):
            text("p", f"{title} is not part of this installation yet.", "state-title")
            text("p", what)
            text("p", f"Its documentation is going to be {documentation}.", "muted")

    return Place(path, title, order, build, coming=True)
