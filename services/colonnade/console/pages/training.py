"""Jobs of the training service: those under way first, and each on a page of its own."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, Job
from colonnade.console.drawing import Cell, empty, text
from colonnade.console.places import Place
from colonnade.console.training_compare import build_comparison
from colonnade.console.training_form import build_form
from colonnade.console.training_job import build_job, progress_bar
from colonnade.console.under_way import Course, follow
from colonnade.console.views.formats import moment
from colonnade.console.views.jobs import GOING, first_figures, progress_of, state_of
from colonnade.console.views.links import comparing_link, job_link, submitting_link, version_link
from colonnade.console.views.rollouts import age
from colonnade.console.visit import Visit

_MOST_ENDED = 100
_ENDED = ("succeeded", "failed", "cancelled")


async def build(visit: Visit) -> None:
    if not visit.admits("GET /training/jobs", "Seeing training jobs"):
        return
    with ui.element("div").classes("line"):
        if visit.offers("POST /training/jobs", "Submitting a recipe"):
            ui.button("Submit a recipe", on_click=lambda: ui.navigate.to(submitting_link()))
        ui.link("Compare two runs", comparing_link())
    await follow(visit, _COURSE)


async def _are_going(client: AsyncColonnade) -> list[Job]:
    return await client.jobs.list(states=GOING)


async def _have_ended(client: AsyncColonnade) -> list[Job]:
    return await client.jobs.list(states=_ENDED, limit=_MOST_ENDED)


def _nothing() -> None:
    empty("Nothing was trained yet.", "Submit a recipe here, or type: colonnade train RECIPE.yaml")


def _card(job: Job) -> Callable[[Job], None]:
    with ui.element("h3"):
        _link(job)
    state = text("p", "", "state-of")
    bar = progress_bar()
    progress = text("p", "", "progress")
    submitted = text("p", "", "muted")

    def show(job: Job) -> None:
        state.text = state_of(job).capitalize()
        bar(job)
        told = (progress_of(job), ", ".join(first_figures(job)), job.message)
        progress.text = "; ".join(filter(None, told))
        submitted.text = f"{job.kind}, submitted {age(job.created_at)} by {_by(job)}"

    return show


def _row(job: Job) -> tuple[Cell, ...]:
    return (
        lambda: _link(job),
        job.kind,
        lambda: _ended_as(job),
        lambda: _lines(first_figures(job)),
        lambda: _made(job),
        lambda: _lines([moment(job.created_at, "unknown"), f"by {_by(job)}"]),
    )


def _ended_as(job: Job) -> None:
    text("div", state_of(job), f"state-of {'failed-word' if job.state == 'failed' else ''}")
    text("div", job.message, "clamped")


def _lines(lines: Sequence[str]) -> None:
    for line in lines:
        text("div", line)


def _made(job: Job) -> None:
    if (made := job.produced) is not None:
        name = f"{made.model}:{made.version}"
        ui.link(name, version_link(made.model, made.version)).classes("named")


def _by(job: Job) -> str:
    return job.by or "unknown"


def _link(job: Job) -> None:
    ui.link(job.name, job_link(job.id)).classes("named")


_COURSE = Course(
    going=_are_going,
    ended=_have_ended,
    idle="No job is under way.",
    nothing=_nothing,
    card=_card,
    caption="Jobs that have ended",
    heads=("Job", "Kind", "Ended as", "Last figures", "Made", "Submitted"),
    row=_row,
    whole=("Kind", "Last figures", "Submitted"),
)
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
