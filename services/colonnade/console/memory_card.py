"""One memory: its text, how strong it is, and what may be done to it."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import Memory, Source
from colonnade.console.drawing import facts, text
from colonnade.console.foot import Do
from colonnade.console.memory_acts import MemoryActs
from colonnade.console.memory_document import document_dialog
from colonnade.console.memory_whose import Whose
from colonnade.console.views.memories import Reason, facts_of, place_of, strength_of
from colonnade.console.visit import Visit


def memory_card(
    visit: Visit, whose: Whose, memory: Memory, changed: Do, reasons: Sequence[Reason] = ()
) -> None:
    """``reasons``: why a search found it; without, its strength is drawn alone."""
    with ui.element("article").classes("memory"):
        said = text("p", memory.text, "said remembered")
        said.props("tabindex=0 role=region aria-label='What is remembered'")
        draw_reasons(reasons or [Reason("Strength", memory.strength, strength_of(memory))])
        facts(facts_of(memory))
        if memory.document is None:
            MemoryActs(visit, whose, memory, changed).draw()
        else:
            _source(visit, whose, memory.document)


def draw_reasons(reasons: Sequence[Reason]) -> None:
    """A bar for each, and the same in words beside it."""
    with ui.element("dl").classes("reasons"):
        for reason in reasons:
            with ui.element("div"):
                text("dt", reason.name)
                with ui.element("dd"):
                    with ui.element("span").classes("reason-bar").props("aria-hidden=true"):
                        ui.element("span").style(f"width: {100 * reason.share:.0f}%")
                    text("span", reason.told)


def _source(visit: Visit, whose: Whose, source: Source) -> None:
    def show() -> None:
        with visit.page.content:
            document_dialog(visit, whose, source.id, source)

    with ui.element("div").classes("line acts"):
        ui.button("Show in its document", on_click=show).props("flat dense aria-haspopup=dialog")
        text("span", place_of(source), "muted")
