"""One rollout as it goes: its stages, what the alias means, both versions' figures, what was done by whom."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from colonnade.client import AliasTarget, Rollout, RolloutEvent
from colonnade.console.drawing import Cell, facts, heading, panel, shares, table, text
from colonnade.console.live import Live, piece
from colonnade.console.rollout_acts import Acts
from colonnade.console.stages import draw_stages
from colonnade.console.views.formats import moment
from colonnade.console.views.links import model_link
from colonnade.console.views.objectives import Objective, broken_of, gate_rows, objectives_of
from colonnade.console.views.rollouts import ITSELF, Ending, ending_of, progress_of, stages
from colonnade.console.visit import Visit

_EVERY_SECONDS = 1.0
_GATES = ("Gate", "Candidate", "Stable", "Bound", "Outcome", "Why")
_OBJECTIVES = ("Objective", "Candidate", "Stable", "Bound", "Now")


async def build_rollout(visit: Visit) -> None:
    rollout_id = str(visit.request.path_params["id"])
    title = heading(f"Rollout {rollout_id}", ("Rollouts", "/rollouts"))

    def build(first: Rollout) -> Callable[[Rollout], None]:
        title.text = f"{first.model}:{first.candidate} to {first.alias}"
        ui.page_title(f"{title.text} · Colonnade")
        return _build(visit, first, live.refresh)

    live: Live[Rollout] = Live(
        visit, lambda client: client.rollouts.get(rollout_id), build, over=lambda loaded: loaded.ended
    )
    await live.follow(_EVERY_SECONDS)


def _build(visit: Visit, first: Rollout, again: Callable[[], Awaitable[None]]) -> Callable[[Rollout], None]:
    _about(first)
    shows: list[Callable[[Rollout], None]] = [piece(ending_of, _ending)]
    with panel("Stages"):
        shows.append(piece(stages, draw_stages))
        shows.append(_progress())
        shows.append(Acts(visit, again).show)
    with panel(f"What {first.alias} means"):
        shows.append(piece(_targets, shares))
    with panel("Objectives"):
        shows.append(objectives(first))
    if first.plan.gates:
        with panel("Gates"):
            shows.append(piece(gate_rows, _gates))
    with panel("Events"):
        shows.append(piece(_events_of, _events))

    def show(rollout: Rollout) -> None:
        for each in shows:
            each(rollout)

    return show


def _about(rollout: Rollout) -> None:
    facts(
        [
            ("Policy", rollout.policy or "a plan of its own"),
            ("Begun", moment(rollout.created_at, "unknown")),
            ("By", rollout.created_by or "unknown"),
            ("Id", rollout.id),
        ]
    )
    ui.link(f"The model {rollout.model}", model_link(rollout.model))


def _ending(ending: Ending | None) -> None:
    if ending is None:
        return
    with ui.element("section").classes("ending bad" if ending.bad else "ending").props("role=alert"):
        text("h2", ending.title)
        text("p", ending.reason, "said")


def _progress() -> Callable[[Rollout], None]:
    line = text("p", "", "progress")

    def show(rollout: Rollout) -> None:
        line.text = progress_of(rollout)

    return show


def objectives(first: Rollout) -> Callable[[Rollout], None]:
    """The table stays; what stands in its cells follows."""
    cells: list[dict[str, TextElement]] = []

    def row(name: str) -> list[Cell]:
        held: dict[str, TextElement] = {}
        cells.append(held)
        return [name, *(_kept(held, field) for field in Objective.FIGURES)]

    rows = [row(each.name) for each in objectives_of(first)]
    table("Objectives", _OBJECTIVES, rows, right=("Candidate", "Stable"))
    note = text("p", "Of the stage that it is in, as the gateways saw it.", "muted")

    def end(rollout: Rollout) -> None:
        note.text = "Of the stage that it ended in."
        for held, broken in zip(cells, broken_of(rollout), strict=True):
            if broken:
                held["verdict"].text = "broken"
                held["verdict"].classes(replace="verdict beyond")

    def show(rollout: Rollout) -> None:
        for held, each in zip(cells, objectives_of(rollout), strict=True):
            for field, cell in held.items():
                cell.text = getattr(each, field)
            held["verdict"].classes(replace=f"verdict {each.verdict}")
        if rollout.ended:
            end(rollout)

    return show


def _kept(held: dict[str, TextElement], field: str) -> Callable[[], object]:
    def draw() -> None:
        held[field] = text("span", "")

    return draw


def _gates(rows: Sequence[Sequence[str]]) -> None:
    table("Gates", _GATES, rows, right=("Candidate", "Stable"))


def _targets(rollout: Rollout) -> Sequence[AliasTarget]:
    return rollout.targets


def _events_of(rollout: Rollout) -> Sequence[RolloutEvent]:
    return rollout.events


def _events(events: Sequence[RolloutEvent]) -> None:
    """Newest first."""
    rows = [
        (
            moment(event.at),
            event.what.replace("_", " "),
            "itself" if event.by == ITSELF else event.by,
            event.words,
        )
        for event in reversed(events)
    ]
    table("Events", ("When", "What", "By", "Words"), rows, whole=("When",))
