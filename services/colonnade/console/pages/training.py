"""Training jobs: those under way first, and each on a page of its own."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, Job
from colonnade.console.drawing import Cell, empty, panel, table, text
from colonnade.console.live import Live, piece
from colonnade.console.places import Place
from colonnade.console.training_compare import build_comparison
from colonnade.console.training_form import build_form
from colonnade.console.training_job import build_job, progress_bar
from colonnade.console.views.formats import moment
from colonnade.console.views.jobs import GOING, figures_line, progress_of, state_of
from colonnade.console.views.links import comparing_link, job_link, submitting_link, version_link
from colonnade.console.views.rollouts import age
from colonnade.console.visit import Visit

_EVERY_SECONDS = 2.0
_MOST_ENDED = 100
_ENDED = ("succeeded", "failed", "cancelled")
_HEADS = ("Run", "Ended as", "Why", "Last figures", "Made", "Submitted", "By")
_Loaded = tuple[list[Job], list[Job]]


async def build(visit: Visit) -> None:
    if not visit.admits("GET /training/jobs", "Seeing training jobs"):
        return
    with ui.element("div").classes("line"):
        if visit.offers("POST /training/jobs", "Submitting a recipe"):
            ui.button("Submit a recipe", on_click=lambda: ui.navigate.to(submitting_link()))
        ui.link("Compare two runs", comparing_link())
    ended: list[Job] = []
    seen: set[str] | None = None

    async def load(client: AsyncColonnade) -> _Loaded:
        """What has ended is asked for only when there may be more of it."""
        nonlocal seen
        going = await client.jobs.list(states=GOING)
        if seen is None or seen != {job.id for job in going}:
            ended[:] = await client.jobs.list(states=_ENDED, limit=_MOST_ENDED)
            seen = {job.id for job in going}
        return going, list(ended)

    await Live(visit, load, _build).follow(_EVERY_SECONDS)
    text("p", f"Looked at every {_EVERY_SECONDS:.0f} seconds.", "muted")


def _build(loaded: _Loaded) -> Callable[[_Loaded], None]:
    nothing = piece(_are_none, _nothing)
    with panel("Under way"):
        going = UnderWay()
    ended = piece(_that_ended, _ended)

    def show(loaded: _Loaded) -> None:
        nothing(loaded)
        going.show(loaded[0])
        ended(loaded)

    return show


def _are_none(loaded: _Loaded) -> bool:
    return not any(loaded)


def _that_ended(loaded: _Loaded) -> list[Job]:
    return loaded[1]


def _nothing(there_is_none: bool) -> None:
    if there_is_none:
        empty("Nothing was trained yet.", "Submit a recipe here, or type: colonnade train RECIPE.yaml")


class UnderWay:
    """Each stays where it is while it goes on, so that whoever is at its link stays there."""

    def __init__(self) -> None:
        self._none = text("p", "No job is under way.", "muted")
        self._box = ui.element("div")
        self._shown: dict[str, tuple[ui.element, Callable[[Job], None]]] = {}

    def show(self, jobs: Sequence[Job]) -> None:
        self._none.set_visibility(not jobs)
        for gone in set(self._shown) - {job.id for job in jobs}:
            self._shown.pop(gone)[0].delete()
        for job in reversed(jobs):
            if job.id not in self._shown:
                with self._box, ui.element("article").classes("alias") as box:
                    self._shown[job.id] = box, _going(job)
                box.move(target_index=0)
            self._shown[job.id][1](job)


def _going(job: Job) -> Callable[[Job], None]:
    with ui.element("h3"):
        _link(job)
    state = text("p", "", "state-of")
    bar = progress_bar()
    progress = text("p", "", "progress")
    submitted = text("p", "", "muted")

    def show(job: Job) -> None:
        state.text = state_of(job).capitalize()
        bar(job)
        progress.text = "; ".join(filter(None, (progress_of(job), figures_line(job))))
        submitted.text = f"submitted {age(job.created_at)} by {job.by or 'unknown'}"

    return show


def _ended(jobs: list[Job]) -> None:
    if jobs:
        with panel("Ended"):
            table("Jobs that have ended", _HEADS, map(_row, jobs), whole=("Ended as", "Submitted"))


def _row(job: Job) -> tuple[Cell, ...]:
    return (
        lambda: _link(job),
        lambda: text("span", state_of(job), f"state-of {'failed-word' if job.state == 'failed' else ''}"),
        lambda: text("div", job.message, "clamped"),
        figures_line(job),
        lambda: _made(job),
        moment(job.created_at, "unknown"),
        job.by or "unknown",
    )


def _made(job: Job) -> None:
    if (made := job.produced) is not None:
        ui.link(f"{made.model}:{made.version}", version_link(made.model, made.version))


def _link(job: Job) -> None:
    ui.link(job.name, job_link(job.id))


PLACE = Place(
    "/training",
    "Training",
    70,
    build,
    below={
        "/training/new": build_form,
        "/training/compare": build_comparison,
        "/training/jobs/{id}": build_job,
    },
)
