"""What runs where, how busy it is, and what is held back."""

from nicegui import ui

from colonnade.client import Engine
from colonnade.console.drawing import Cell, empty, table, text
from colonnade.console.places import Place
from colonnade.console.views.engines import breakers_of, memory_of, state_of
from colonnade.console.views.formats import number
from colonnade.console.visit import Part, Visit

_EVERY_SECONDS = 2.0


async def build(visit: Visit) -> None:
    if not visit.admits("GET /engines", "Seeing engines"):
        return
    part: Part[list[Engine]] = Part(visit, lambda client: client.engines(), _draw)
    await part.refresh()
    text("p", f"Looked at every {_EVERY_SECONDS:.0f} seconds.", "muted")
    ui.timer(_EVERY_SECONDS, part.refresh)


def _draw(engines: list[Engine]) -> None:
    if not engines:
        empty("No engine is known.", "Start one: colonnade up starts it, or see: colonnade status")
        return
    heads = ("Engine", "State", "Tokens outstanding", "Running", "Waiting", "Memory", "Versions", "Breakers")
    table("Engines", heads, [_row(each) for each in engines], right=heads[2:5])


def _row(engine: Engine) -> tuple[Cell, ...]:
    return (
        engine.address, state_of(engine), number(engine.outstanding_tokens), number(engine.running),
        number(engine.waiting), memory_of(engine), ", ".join(engine.models) or "none yet",
        breakers_of(engine),
    )  # fmt: skip


PLACE = Place("/engines", "Engines", 60, build)
