"""One job as it goes: how far it is, its curves, what it writes, its log, and who did what."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from colonnade.client import Job, JobEvent, Produced
from colonnade.console.drawing import facts, heading, panel, table, text
from colonnade.console.live import Live, piece
from colonnade.console.plot import Plots
from colonnade.console.training_acts import JobActs
from colonnade.console.training_log import LogTail
from colonnade.console.training_watch import Seen, Watch
from colonnade.console.views.jobs import (
    Ending,
    ending_of,
    event_rows,
    facts_of,
    figures_of,
    is_counted,
    learns,
    progress_of,
    share_of,
    state_of,
)
from colonnade.console.views.links import comparing_link, job_link, submitting_link, version_link
from colonnade.console.views.run_log import Sample
from colonnade.console.visit import Visit

_EVERY_SECONDS = 1.0


async def build_job(visit: Visit) -> None:
    job_id = str(visit.request.path_params["id"])
    title = heading(f"Job {job_id}", ("Training", "/training"))
    if not visit.admits("GET /training/jobs/{id}", "Seeing training jobs"):
        return

    def build(first: Seen) -> Callable[[Seen], None]:
        title.text = first.job.name
        ui.page_title(f"{title.text} \u00b7 Colonnade")
        return _build(visit, first.job, live.refresh)

    live: Live[Seen] = Live(visit, Watch(job_id).load, build, over=lambda seen: seen.over)
    await live.follow(_EVERY_SECONDS)


def _build(visit: Visit, first: Job, again: Callable[[], Awaitable[None]]) -> Callable[[Seen], None]:
    shows: list[Callable[[Seen], None]] = [piece(_facts, facts), piece(_ending, _draw_ending)]
    _ways(visit, first)
    with panel("Progress"):
        shows += [_progress(), piece(_produced, _made)]
        acts = JobActs(visit, again)
        shows.append(lambda seen: acts.show(seen.job))
    shows += [_part(*part) for part in _PARTS]
    with panel("Events"):
        shows.append(piece(_events, _draw_events))
    with panel("Recipe"):
        recipe = text("pre", first.recipe, "recipe").props("tabindex=0 role=region aria-label=Recipe")
        recipe.props["dir"] = "ltr"

    def show(seen: Seen) -> None:
        for each in shows:
            each(seen)

    return show


def _part(
    title: str, there: Callable[[Seen], bool], begin: Callable[[], Callable[[Seen], None]]
) -> Callable[[Seen], None]:
    """A run that learns has a place for it before there is anything; a job of another kind may never."""
    with panel(title) as box:
        inside = begin()

    def show(seen: Seen) -> None:
        shown = learns(seen.job) or there(seen)
        box.set_visibility(shown)
        if shown:
            inside(seen)

    return show


def progress_bar() -> Callable[[Job], None]:
    bar = ui.element("progress").props("max=1 aria-label=Progress")

    def show(job: Job) -> None:
        bar.props["value"] = f"{share_of(job):.4f}"
        bar.set_visibility(is_counted(job))

    return show


def _ways(visit: Visit, job: Job) -> None:
    with ui.element("div").classes("line"):
        if learns(job):
            ui.link("Compare with another run", comparing_link(job.id))
        if not visit.why_not("POST /training/jobs", "Submitting a recipe"):
            ui.link("Change its recipe for a new run", submitting_link(job.id))
        if job.retry_of:
            ui.link("The job that this one retries", job_link(job.retry_of))


def _progress() -> Callable[[Seen], None]:
    state = text("p", "", "state-of").props("role=status")
    bar = progress_bar()
    line = text("p", "", "progress")
    why = text("p", "", "said muted")

    def show(seen: Seen) -> None:
        state.text = state_of(seen.job).capitalize()
        bar(seen.job)
        line.text = progress_of(seen.job, seen.pace)
        why.text = "" if seen.job.ended else seen.job.message

    return show


def _curves() -> Callable[[Seen], None]:
    plots = Plots()
    return lambda seen: plots.show(seen.plots)


def _figures() -> Callable[[Seen], None]:
    """What stands in the cells follows; they are drawn anew only where others were told."""
    cells: dict[str, ui.label] = {}

    def draw(names: Sequence[str]) -> None:
        cells.clear()
        if not names:
            text("p", "Nothing was measured yet.", "muted")
        with ui.element("dl").classes("facts"):
            for name in names:
                with ui.element("div"):
                    text("dt", name)
                    with ui.element("dd"):
                        cells[name] = ui.label("")

    names = piece(_names, draw)

    def show(seen: Seen) -> None:
        names(seen)
        for name, value in figures_of(seen.job):
            cells[name].text = value

    return show


def _names(seen: Seen) -> list[str]:
    return [name for name, _ in figures_of(seen.job)]


def _facts(seen: Seen) -> list[tuple[str, str]]:
    return facts_of(seen.job)


def _ending(seen: Seen) -> Ending | None:
    return ending_of(seen.job)


def _draw_ending(ending: Ending | None) -> None:
    if ending is None:
        return
    with ui.element("section").classes("ending bad" if ending.bad else "ending").props("role=alert"):
        text("h2", ending.title)
        text("p", ending.reason, "said")


def _produced(seen: Seen) -> Produced | None:
    return seen.job.produced


def _made(produced: Produced | None) -> None:
    if produced is not None:
        name = f"{produced.model}:{produced.version}"
        ui.link(f"The version that it made: {name}", version_link(produced.model, produced.version))


def _samples(seen: Seen) -> Sequence[Sample]:
    return seen.samples


def _draw_samples(samples: Sequence[Sample]) -> None:
    if not samples:
        text("p", "It has written none yet; a recipe's evaluation.prompts ask for them.", "muted")
        return
    rows = [(str(each.step), each.prompt, each.text) for each in samples]
    with ui.element("div").classes("samples"):
        table("Samples", ("Step", "Prompt", "How the model goes on"), rows, right=("Step",))


def _events(seen: Seen) -> Sequence[JobEvent]:
    return seen.job.events


def _draw_events(events: Sequence[JobEvent]) -> None:
    table("Events", ("When", "What", "By", "Words"), event_rows(events), whole=("When",))


_PARTS = (
    ("Curves", lambda seen: any(len(line.points) > 1 for plot in seen.plots for line in plot.lines), _curves),
    ("Last figures", lambda seen: bool(_names(seen)), _figures),
    ("Samples", lambda seen: bool(seen.samples), lambda: piece(_samples, _draw_samples)),
    ("Log", lambda seen: seen.read > 0, lambda: LogTail().show),
)
"""What is to be seen, whether there is any of it yet, and what begins it."""
