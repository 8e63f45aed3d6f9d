"""What the platform remembers of somebody: searched, looked through, weighed, forgotten."""

from nicegui import ui

from colonnade.console.memory_browse import Browse
from colonnade.console.memory_documents import Documents
from colonnade.console.memory_erase import Erasures
from colonnade.console.memory_search import Search
from colonnade.console.memory_sessions import Sessions
from colonnade.console.memory_whose import Whose, draw_whose
from colonnade.console.places import Place
from colonnade.console.visit import Visit

_FIRST = "Remembered"


async def build(visit: Visit) -> None:
    if not visit.admits("POST /memory/list", "Seeing what is remembered"):
        return
    whose = Whose()
    parts: dict[str, Browse | Search | Sessions | Documents | Erasures] = {
        _FIRST: Browse(visit, whose),
        "Search": Search(visit, whose),
        "Sessions": Sessions(visit, whose),
        "Documents": Documents(visit, whose),
        "Erase a person": Erasures(visit, whose),
    }

    async def refresh() -> None:
        await parts[str(tabs.value)].refresh()

    draw_whose(visit, whose, refresh)
    with ui.tabs().props("dense no-caps align=left") as tabs:
        for name in parts:
            ui.tab(name)
    with ui.tab_panels(tabs, value=_FIRST, animated=False):
        for name, part in parts.items():
            with ui.tab_panel(name):
                part.draw()
    tabs.on_value_change(refresh)
    await refresh()


PLACE = Place("/memory", "Memory", 80, build)
