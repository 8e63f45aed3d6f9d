"""``colonnade jobs``"""

from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, printable, remark, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from colonnade.client import Colonnade, Job, LogLine

app = typer.Typer(
    no_args_is_help=True,
    help="Look after trainings, evaluations, conversions and imports: follow, cancel, resume and retry them.",
)
Id = Annotated[str, typer.Argument(help="The job's id, as listed.")]
Watch = Annotated[bool, typer.Option("--watch", help="Stay until it has ended.")]
_SHOWN = 50


@app.command("list")
def list_jobs(
    state: Annotated[
        list[str] | None,
        typer.Option(
            help="queued, running, stopping, publishing, succeeded, failed or cancelled; may be repeated."
        ),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="train, evaluate, convert or import.")] = None,
    name: Annotated[str | None, typer.Option(help="Of recipes of this name.")] = None,
    by: Annotated[str | None, typer.Option(help="Submitted by TENANT/SUBJECT.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Of one tenant, for those who see several.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = _SHOWN,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Jobs, newest first."""
    with connect(url, api_key) as client:
        found = client.jobs.list(states=state or (), kind=kind, name=name, by=by, tenant=tenant, limit=limit)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There is no such job; begin one with: colonnade train RECIPE")
        return
    rows = table(
        "id", "kind", "name", "state", "step", "loss", "made", "submitted", "by", right=("step", "loss")
    )
    for each in found:
        rows.add_row(*map(printable, _row(each)))
    out().print(rows)


@app.command("show")
def show(
    job_id: Id,
    recipe: Annotated[bool, typer.Option("--recipe", help="Its recipe alone, as it was submitted.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """How far a job is, its last figures, what it made, and what happened to it."""
    from colonnade.cli.job_frame import frame

    with connect(url, api_key) as client:
        found = client.jobs.get(job_id)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    for line in [found.recipe.rstrip("\n")] if recipe else frame(found):
        out().print(printable(line))


@app.command("watch")
def watch_job(job_id: Id, url: Url = None, api_key: ApiKey = None) -> None:
    """Stay until a job has ended; fails unless it succeeded. Ctrl-C leaves it running."""
    with connect(url, api_key) as client:
        _watch(client, job_id)


@app.command("logs")
def logs(
    job_id: Id,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it has ended.")] = False,
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, help="The last of them; by default, all.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The JSON lines as they are.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What a job's run wrote."""
    from colonnade.cli.course import told

    with connect(url, api_key) as client:
        for each in _lines(client, job_id, lines, follow):
            out().print(each.line if raw else printable(told(each.line)))


@app.command("cancel")
def cancel(
    job_id: Id,
    why: Annotated[str | None, typer.Option(help="Kept with the record.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """End a job; its worker writes a checkpoint first, from which it can be resumed."""
    with connect(url, api_key) as client:
        _said(client.jobs.cancel(job_id, why=why))


@app.command("resume")
def resume(job_id: Id, watch: Watch = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Have a job that failed or was cancelled go on from its last checkpoint."""
    with connect(url, api_key) as client:
        _said(client.jobs.resume(job_id))
        if watch:
            _watch(client, job_id)


@app.command("retry")
def retry(job_id: Id, watch: Watch = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Begin a new job of the same recipe; print its id."""
    with connect(url, api_key) as client:
        begun = client.jobs.retry(job_id)
        out().print(begun.id)
        if watch:
            _watch(client, begun.id)


def _watch(client: "Colonnade", job_id: str) -> None:
    from colonnade.cli.following import watch

    watch(client, job_id, from_now=True)


def _lines(client: "Colonnade", job_id: str, count: int | None, follow: bool) -> "Iterator[LogLine]":
    """The last ``count`` that there are, or all; then what follows."""
    if count is None:
        yield from client.jobs.logs(job_id, follow=follow)
        return
    offset, last = 0, deque["LogLine"](maxlen=count)
    for line in client.jobs.logs(job_id):
        offset = line.offset
        last.append(line)
    yield from last
    if follow:
        yield from client.jobs.logs(job_id, offset=offset, follow=True)


def _said(job: "Job") -> None:
    remark(f"{job.id} is {job.state}" + (f": {job.message}" if job.message else ""))


def _row(job: "Job") -> tuple[str, ...]:
    loss = job.metrics.get("loss")
    return (
        job.id,
        job.kind,
        job.name,
        job.state,
        f"{job.step}/{job.total_steps}" if job.total_steps else "",
        "" if loss is None else f"{loss:.3f}",
        f"{job.produced.model}:{job.produced.version}" if job.produced else "",
        f"{job.created_at:%Y-%m-%d %H:%M}" if job.created_at else "",
        job.by,
    )
