"""``colonnade adapt``"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.cataloguing import named
from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.failures import FAILED
from colonnade.cli.terminal import Step, out, printable, progress, remark, table

if TYPE_CHECKING:
    from colonnade.client import Adaptation, AdaptationOptions, Colonnade

app = typer.Typer(
    no_args_is_help=True, help="Teach versions by preferences to do less harm, and propose what came of it."
)
_LOOK_SECONDS = 1.0
_TENTHS = 10
_Id = Annotated[str, typer.Argument(help="As it was printed, or listed.")]


@app.command("start")
def start(
    model: Annotated[str, typer.Argument(metavar="MODEL[:VERSION]", help="By default its production.")],
    sources: Annotated[
        list[str] | None,
        typer.Option(help="feedback, best_of_n or revision; may be given again. By default all three."),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="A file with a prompt a line. By default the platform's own.", exists=True, dir_okay=False
        ),
    ] = None,
    answers: Annotated[int | None, typer.Option(min=2, max=16, help="To each prompt; by default 4.")] = None,
    reward_model: Annotated[str | None, typer.Option(help="Its id; scores answers, too.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of training; by default 60.")] = None,
    policy: Annotated[str | None, typer.Option(help="Of the rollout; by default careful.")] = None,
    route: Annotated[str | None, typer.Option(help="The rollout's alias; by default production.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Until it has ended, and show it then.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Begin an adaptation of a version; print its id."""
    name, version = named(model)
    lines = prompts.read_text("utf-8").splitlines() if prompts else ()
    given: AdaptationOptions = {
        "version": version, "sources": sources or (), "prompts": [line for line in lines if line.strip()],
        "answers": answers or 0, "reward_model": reward_model or "", "steps": steps or 0,
        "policy": policy or "", "route": route or "",
    }  # fmt: skip
    options: AdaptationOptions = {name: value for name, value in given.items() if value}  # type: ignore[assignment]
    with connect(url, api_key) as client:
        begun = client.adaptations.begin(name, **options)
        if not as_json:
            out().print(begun.id)
        found = _watched(client, begun) if watch else begun
    if as_json:
        out().print_json(data=asdict(found), default=str)
    elif watch:
        _show(found)
    else:
        remark(f"The platform works on it; see colonnade adapt show {begun.id}")
    if found.state == "failed":
        raise typer.Exit(FAILED)


@app.command("list")
def list_adaptations(
    model: Annotated[str | None, typer.Option(help="Of this model alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Adaptations of the tenant, newest first."""
    with connect(url, api_key) as client:
        found = client.adaptations.list(model=model, limit=limit)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There is no adaptation yet; begin one with: colonnade adapt start MODEL")
        return
    rows = table("id", "version", "sources", "state", "became", "rollout", "began", "by")
    for each in found:
        rows.add_row(
            each.id, printable(f"{each.model}:{each.version}"), ", ".join(map(printable, each.sources)),
            each.state, str(each.adapted or ""), printable(each.rollout),
            f"{each.created_at:%Y-%m-%d %H:%M}", printable(each.by),
        )  # fmt: skip
    out().print(rows)


@app.command("show")
def show(
    adaptation_id: _Id,
    watch: Annotated[bool, typer.Option("--watch", help="Until it has ended.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """How far it is: its pairs by source, and figures before and after with their 95 % intervals."""
    with connect(url, api_key) as client:
        found = client.adaptations.get(adaptation_id)
        if watch:
            found = _watched(client, found)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    _show(found)


@app.command("cancel")
def cancel(adaptation_id: _Id, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """End what is under way, its training job too. What was proposed stays."""
    with connect(url, api_key) as client:
        found = client.adaptations.cancel(adaptation_id)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    remark(f"It is {found.state}.")


@app.command("pairs")
def pairs(
    adaptation_id: _Id,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What it learns from, but for feedback: two answers to a prompt, and how harmful each is."""
    with connect(url, api_key) as client:
        found = client.adaptations.pairs(adaptation_id, limit=limit)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("It has no pair yet, or all of them are feedback.")
        return
    rows = table("source", "prompt", "chosen", "harm", "rejected", "harm")
    for each in found:
        rows.add_row(
            each.source, printable(each.prompt), printable(each.chosen), f"{each.chosen_harm:.2f}",
            printable(each.rejected), f"{each.rejected_harm:.2f}",
        )  # fmt: skip
    out().print(rows)


def _watched(client: "Colonnade", found: "Adaptation") -> "Adaptation":
    try:
        with progress(_TENTHS) as draw:
            while True:
                draw(Step(found.state, found.done, found.total, _told(found), last=found.ended))
                if found.ended:
                    return found
                time.sleep(_LOOK_SECONDS)
                found = client.adaptations.get(found.id)
    except KeyboardInterrupt:
        remark(f"It goes on without this command; see colonnade adapt show {found.id} --watch")
        raise


def _show(found: "Adaptation") -> None:
    if found.pairs:
        rows = table("source", "tried", "pairs", "made better", right=("tried", "pairs", "made better"))
        for count in found.pairs:
            better = str(count.lowered) if count.source == "revision" else ""
            rows.add_row(printable(count.source), str(count.tried), str(count.pairs), better)
        out().print(rows)
    if found.figures:
        columns = ("before", "95 %", "after", "95 % ", "of")
        rows = table("measure", *columns, right=columns)
        for each in found.figures:
            rows.add_row(
                printable(each.measure), f"{each.before:.3f}",
                f"{each.before_low:.3f} to {each.before_high:.3f}", f"{each.after:.3f}",
                f"{each.after_low:.3f} to {each.after_high:.3f}", str(each.count),
            )  # fmt: skip
        out().print(rows)
    remark(_summary(found))


def _summary(found: "Adaptation") -> str:
    version = f"{found.model}:{found.version}"
    if found.state == "failed":
        return f"The adaptation of {version} failed: {found.why}"
    if found.state == "proposed":
        return f"{version} became {found.model}:{found.adapted}; its rollout is {found.rollout}"
    return f"{version}, {found.state}: {_told(found)}"


def _told(found: "Adaptation") -> str:
    return f"{found.done} of {found.total}" if found.total else "not begun yet"
