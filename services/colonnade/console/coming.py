"""A place that is kept for what this installation does not have yet."""

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.places import Place
from colonnade.console.visit import Visit


def coming(path: str, title: str, order: int, what: str, documentation: str, until_then: str = "") -> Place:
    """``what`` one will do here; ``documentation``: the file that tells about it; ``until_then``: how it is
    done without a page, where it can be."""

    async def build(visit: Visit) -> None:
        missing = f"The page for {title.lower()}" if until_then else title
        with ui.element("section").classes("state"):
            text("p", f"{missing} is not part of this installation yet.", "state-title")
            text("p", what)
            if until_then:
                text("p", until_then)
            text("p", f"Its documentation is {'' if until_then else 'going to be '}{documentation}.", "muted")

    return Place(path, title, order, build, coming=True)
