"""An erasure as it goes: what each service has erased, and which models are left to decide about."""

from nicegui import ui

from colonnade.client.results.erasures import Erasure
from colonnade.console.drawing import dialog, facts, table, text
from colonnade.console.live import Live, piece
from colonnade.console.views.erasures import affected_of, state_of, step_rows
from colonnade.console.visit import Visit

_EVERY_SECONDS = 2.0


def steps_dialog(visit: Visit, erasure_id: str) -> None:
    """Keeps up by itself until all is erased."""
    with dialog("An erasure") as opened:
        opened.classes("wide-dialog")
        live: Live[Erasure] = Live(
            visit,
            lambda client: client.subjects.erasure(erasure_id),
            lambda first: piece(_itself, _draw),
            over=_over,
        )
        ui.timer(0, lambda: live.follow(_EVERY_SECONDS), once=True)
        with ui.element("div").classes("line"):
            ui.button("Close", on_click=opened.close).props("outline autofocus")


def _draw(erasure: Erasure) -> None:
    facts([("Id", erasure.id), ("State", state_of(erasure)), ("Person's mark", erasure.subject_mark)])
    table("Steps", ("Service", "Round", "State", "Erased"), step_rows(erasure))
    affected = affected_of(erasure)
    if affected:
        text("p", "Made from what the person gave; decide what becomes of them:", "notice")
        with ui.element("ul"):
            for each in affected:
                text("li", each)
    text("p", "Verify its receipt with: colonnade subjects verify FILE", "muted")


def _itself(erasure: Erasure) -> Erasure:
    return erasure


def _over(erasure: Erasure) -> bool:
    return erasure.state == "done"
