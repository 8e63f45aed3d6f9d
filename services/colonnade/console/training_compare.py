"""Two runs in one plot, with what they came to and what their recipes differ in."""

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui

from colonnade.client import AsyncColonnade, Job
from colonnade.console.drawing import empty, heading, panel, table, text
from colonnade.console.live import Live, piece
from colonnade.console.plot import Plots
from colonnade.console.views.curves import Measured
from colonnade.console.views.jobs import figures_of, label_of, progress_of, state_of
from colonnade.console.views.links import job_link
from colonnade.console.views.plots import Plot, losses_of
from colonnade.console.views.recipes import differing
from colonnade.console.visit import Part, Visit

_EVERY_SECONDS = 2.0
_MOST_JOBS = 100
_NAMES = ("Run A", "Run B")


@dataclass(frozen=True, slots=True)
class Pair:
    jobs: tuple[Job, Job]
    plot: Plot

    @property
    def over(self) -> bool:
        return all(job.ended for job in self.jobs)


async def build_comparison(visit: Visit) -> None:
    heading("Compare two runs", ("Training", "/training"))
    if not visit.admits("GET /training/jobs", "Seeing training jobs"):
        return
    asked = visit.request.query_params.get("one", "")

    async def load(client: AsyncColonnade) -> list[Job]:
        found = await client.jobs.list(kind="train", limit=_MOST_JOBS)
        if asked and asked not in {job.id for job in found}:
            found.append(await client.jobs.get(asked))
        return found

    await Part(visit, load, lambda jobs: _draw(visit, jobs, asked)).refresh()


def _draw(visit: Visit, jobs: list[Job], asked: str) -> None:
    if len(jobs) < len(_NAMES):
        empty("There are no two runs yet.", "Submit a recipe, change a field of it, and submit it again.")
        return
    labels = {job.id: label_of(job) for job in jobs}
    one = asked or jobs[0].id
    other = next(job.id for job in jobs if job.id != one)
    with ui.element("div").classes("line"):
        selects = [
            ui.select(labels, label=name, value=value).classes("run")
            for name, value in zip(_NAMES, (one, other), strict=True)
        ]
    box = ui.element("div").classes("part")

    async def show() -> None:
        box.clear()
        with box:
            await _follow(visit, str(selects[0].value), str(selects[1].value))

    for select in selects:
        select.on_value_change(show)
    ui.timer(0, show, once=True)


async def _follow(visit: Visit, one: str, other: str) -> None:
    runs = [(one, Measured()), (other, Measured())]

    async def load(client: AsyncColonnade) -> Pair:
        first, second = [await _loaded(client, job_id, run) for job_id, run in runs]
        named = [(name, run) for name, (_, run) in zip(_NAMES, runs, strict=True)]
        return Pair((first, second), losses_of(named))

    live: Live[Pair] = Live(visit, load, lambda first: _build(), over=lambda pair: pair.over)
    await live.follow(_EVERY_SECONDS)


async def _loaded(client: AsyncColonnade, job_id: str, run: Measured) -> Job:
    job = await client.jobs.get(job_id)
    run.add(await client.jobs.metrics(job_id, from_step=run.from_step(job.step)))
    return job


def _build() -> Callable[[Pair], None]:
    with panel("Losses"):
        plots = Plots()
    with panel("What they came to"):
        rows = piece(_rows, _table)
    with panel("What their recipes differ in"):
        recipes = piece(_recipes, _differences)

    def show(pair: Pair) -> None:
        plots.show([pair.plot])
        rows(pair)
        recipes(pair)

    return show


def _rows(pair: Pair) -> list[tuple[str, str, str]]:
    told = [dict(figures_of(job)) for job in pair.jobs]
    names = list(dict.fromkeys(name for each in told for name in each))
    one, other = pair.jobs
    return [
        ("state", state_of(one), state_of(other)),
        ("progress", progress_of(one), progress_of(other)),
        *((name, told[0].get(name, "\u2013"), told[1].get(name, "\u2013")) for name in names),
    ]


def _table(rows: list[tuple[str, str, str]]) -> None:
    table("Runs compared", ("Figure", *_NAMES), rows)


def _recipes(pair: Pair) -> tuple[str, str, str, str]:
    one, other = pair.jobs
    return (one.id, one.recipe, other.id, other.recipe)


def _differences(recipes: tuple[str, str, str, str]) -> None:
    one_id, one, other_id, other = recipes
    with ui.element("div").classes("line"):
        ui.link("The job of run A", job_link(one_id))
        ui.link("The job of run B", job_link(other_id))
    lines = differing(one, other)
    if not lines:
        text("p", "They are the same.", "muted")
        return
    text("p", "Lines with - are run A's alone, those with + are run B's alone.", "muted")
    text("pre", "\n".join(lines), "recipe").props("tabindex=0 role=region aria-label='Recipes compared'")
