"""``colonnade bias``"""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.cataloguing import named
from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.failures import FAILED
from colonnade.cli.terminal import Step, out, printable, progress, remark, table

if TYPE_CHECKING:
    from colonnade.client import BiasReport, Colonnade

app = typer.Typer(
    no_args_is_help=True, help="Ask versions about groups of people, and see how differently these fare."
)
_LOOK_SECONDS = 0.5
_TENTHS = 10


@app.command("report")
def report(
    model: Annotated[str, typer.Argument(metavar="MODEL[:VERSION]", help="By default its production.")],
    sets: Annotated[
        list[str] | None, typer.Option(help="A set of probes; may be given again. By default builtin.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Until it is done, and show it then.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Begin a report of a version; print its id."""
    name, version = named(model)
    with connect(url, api_key) as client:
        begun = client.bias.report(name, version=version or None, sets=sets or None)
        if not as_json:
            out().print(begun.id)
        found = _watched(client, begun) if watch else begun
    if as_json:
        out().print_json(data=asdict(found), default=str)
    elif watch:
        _show(found)
    else:
        remark(f"The platform works on it; see colonnade bias show {begun.id}")
    if found.state == "failed":
        raise typer.Exit(FAILED)


@app.command("list")
def list_reports(
    model: Annotated[str | None, typer.Option(help="Of this model alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Reports of the tenant, newest first."""
    with connect(url, api_key) as client:
        found = client.bias.list(model=model, limit=limit)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There is no report yet; begin one with: colonnade bias report MODEL")
        return
    rows = table("id", "version", "sets", "state", "done", "began", "by")
    for each in found:
        rows.add_row(
            each.id, printable(f"{each.model}:{each.version}"), printable(", ".join(each.sets)), each.state,
            _told(each), f"{each.created_at:%Y-%m-%d %H:%M}", printable(each.by),
        )  # fmt: skip
    out().print(rows)


@app.command("show")
def show(
    report_id: Annotated[str, typer.Argument(help="As it was printed, or listed.")],
    watch: Annotated[bool, typer.Option("--watch", help="Until it is done.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """How far a report is, or its figures with their 95 % intervals."""
    with connect(url, api_key) as client:
        found = client.bias.get(report_id)
        if watch:
            found = _watched(client, found)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    _show(found)


@app.command("live")
def live(
    hours: Annotated[int | None, typer.Option(min=1, help="Back from now; by default a day.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """How groups fare in a sample of the traffic, and alarms where that has changed."""
    with connect(url, api_key) as client:
        found = client.bias.live(hours=hours)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    if not found.gaps:
        remark("No two groups were seen yet; COLONNADE_ETHICS_BIAS_SHARE says how many requests are.")
    else:
        rows = table("version", "dimension", "gap", "95 %", "answers", right=("gap", "95 %", "answers"))
        for gap in found.gaps:
            rows.add_row(
                printable(gap.model), printable(gap.dimension), f"{gap.value:.3f}",
                f"{gap.low:.3f} to {gap.high:.3f}", str(gap.seen),
            )  # fmt: skip
        out().print(rows)
    for alarm in found.alarms:
        version = f"{alarm.model}, {alarm.dimension}"
        remark(f"Alarm {alarm.at:%Y-%m-%d %H:%M}: {version}, after {alarm.observed} comparisons")


def _watched(client: "Colonnade", found: "BiasReport") -> "BiasReport":
    try:
        with progress(_TENTHS) as draw:
            while True:
                draw(Step(found.state, found.done, found.total, _told(found), last=found.ended))
                if found.ended:
                    return found
                time.sleep(_LOOK_SECONDS)
                found = client.bias.get(found.id)
    except KeyboardInterrupt:
        remark(f"It goes on without this command; see colonnade bias show {found.id} --watch")
        raise


def _show(found: "BiasReport") -> None:
    if found.figures:
        rows = table("set", "dimension", "measure", "value", "95 %", "of", right=("value", "95 %", "of"))
        for each in found.figures:
            rows.add_row(
                printable(each.set), printable(each.dimension), printable(each.measure), f"{each.value:.3f}",
                f"{each.low:.3f} to {each.high:.3f}", str(each.count),
            )  # fmt: skip
        out().print(rows)
    remark(_summary(found))


def _summary(found: "BiasReport") -> str:
    version = f"{found.model}:{found.version}"
    if found.state == "failed":
        return f"The report of {version} failed: {found.why}"
    return f"{version}, {found.state}: {_told(found)}, of {', '.join(found.sets)}"


def _told(found: "BiasReport") -> str:
    return f"{found.done} of {found.total} probes" if found.total else "no probe yet"
