"""``colonnade rollout``"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.failures import FAILED
from colonnade.cli.terminal import out, remark, table

if TYPE_CHECKING:
    from colonnade.client import Colonnade, Plan, Rollout

app = typer.Typer(no_args_is_help=True, help="Take a version to an alias: judged, watched, taken back.")
Id = Annotated[str, typer.Argument(help="The rollout's id, as listed.")]
Why = Annotated[str | None, typer.Option(help="Kept with the record.")]
Expected = Annotated[int | None, typer.Option(help="Refuse if it has another revision.")]


@app.command("start")
def start(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    version: Annotated[int, typer.Argument(help="The version that is to be brought in.")],
    alias: Annotated[str | None, typer.Option(help="By default production.")] = None,
    policy: Annotated[
        str | None, typer.Option(help="A named plan; `colonnade rollout policies` lists them.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A plan in YAML, instead of a policy.")
    ] = None,
    why: Why = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until it has ended.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Begin a rollout; print its id."""
    from colonnade.cli.plans import read_plan

    given = read_plan(plan) if plan else None
    with connect(url, api_key) as client:
        begun = client.rollouts.start(model, version, alias=alias, policy=policy, plan=given, why=why)
        out().print(begun.id)
        if watch:
            _watch(client, begun.id)


@app.command("list")
def list_rollouts(
    model: Annotated[str | None, typer.Option(help="Of one model.")] = None,
    under_way: Annotated[bool, typer.Option("--under-way", help="Those that have not ended.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Rollouts, newest first."""
    with connect(url, api_key) as client:
        found = client.rollouts.list(model=model, under_way=under_way)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There is no such rollout; begin one with: colonnade rollout start MODEL VERSION")
        return
    rows = table("id", "alias", "version", "state", "began", "by", right=("version",))
    for each in found:
        began = f"{each.created_at:%Y-%m-%d %H:%M}" if each.created_at else ""
        state = f"{each.state}, paused" if each.paused else each.state
        rows.add_row(
            each.id, f"{each.model}@{each.alias}", str(each.candidate), state, began, each.created_by
        )
    out().print(rows)


@app.command("show")
def show(rollout_id: Id, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """How far a rollout is, what was seen of both versions, and what happened to it."""
    from colonnade.cli.rolling import frame

    with connect(url, api_key) as client:
        found = client.rollouts.get(rollout_id)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    for line in frame(found):
        out().print(line)
    for event in found.events:
        out().print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.what}  {event.by}  {event.words}")


@app.command("watch")
def watch_rollout(rollout_id: Id, url: Url = None, api_key: ApiKey = None) -> None:
    """Stay until a rollout has ended; fails unless it is promoted. Ctrl-C leaves it as it is."""
    with connect(url, api_key) as client:
        _watch(client, rollout_id)


@app.command("pause")
def pause(
    rollout_id: Id,
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have it go no further by itself; an objective that breaks still takes it back."""
    with connect(url, api_key) as client:
        _said(client.rollouts.pause(rollout_id, why=why, expected_revision=expected_revision))


@app.command("resume")
def resume(
    rollout_id: Id,
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have it go on; its step begins anew."""
    with connect(url, api_key) as client:
        _said(client.rollouts.resume(rollout_id, why=why, expected_revision=expected_revision))


@app.command("promote")
def promote(
    rollout_id: Id,
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Give the candidate all requests at once; not past its gates."""
    with connect(url, api_key) as client:
        _said(client.rollouts.promote(rollout_id, why=why, expected_revision=expected_revision))


@app.command("rollback")
def roll_back(
    rollout_id: Id,
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have the alias mean what it meant before."""
    with connect(url, api_key) as client:
        _said(client.rollouts.roll_back(rollout_id, why=why, expected_revision=expected_revision))


@app.command("policies")
def policies(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """The named plans."""
    with connect(url, api_key) as client:
        found = client.rollouts.policies()
    if as_json:
        out().print_json(data=[asdict(each) for each in found])
        return
    rows = table("name", "gates", "shadow", "steps", "objectives", "description")
    for each in found:
        rows.add_row(each.name, *_told(each.plan), each.description)
    out().print(rows)


def _watch(client: "Colonnade", rollout_id: str) -> None:
    from colonnade.cli.rolling import showing

    with showing() as shown:
        last = client.rollouts.wait(rollout_id, show=shown)
    _said(last)
    if not last.promoted:
        raise typer.Exit(FAILED)


def _said(rollout: "Rollout") -> None:
    reason = f": {rollout.reason}" if rollout.reason else ""
    paused = ", paused" if rollout.paused else ""
    remark(f"{rollout.id} is {rollout.state}{paused}{reason}")


def _told(plan: "Plan") -> tuple[str, str, str, str]:
    gates = ", ".join(f"{gate.probe} {gate.bound}" for gate in plan.gates)
    shadow = f"{plan.shadow.percent}% {plan.shadow.seconds:g}s" if plan.shadow else "-"
    steps = ", ".join(f"{step.percent}% {step.seconds:g}s" for step in plan.steps)
    objectives = ", ".join(f"{measure} {bound}" for measure, bound in plan.objectives.items())
    return gates or "-", shadow, steps or "-", objectives or "-"
