"""``colonnade policy``"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.failures import FAILED
from colonnade.cli.terminal import out, printable, remark

if TYPE_CHECKING:
    from colonnade.client import Assignment

app = typer.Typer(
    no_args_is_help=True, help="What may go in and come out: policies kept, tried, put to use, taken back."
)
Name = Annotated[str, typer.Argument(help="The policy's name.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A policy in YAML.")]
Route = Annotated[str, typer.Option(help="Where, as /generate; by default where nothing else holds.")]
OfVersion = Annotated[str | None, typer.Option("--version", help="By default the latest.")]
Why = Annotated[str | None, typer.Option(help="Kept with the record.")]
Expected = Annotated[int | None, typer.Option(help="Refuse if the route has another revision.")]


@app.command("list")
def list_policies(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """The policies, and what holds on which route."""
    from colonnade.cli.policy_tables import assigned, policies

    with connect(url, api_key) as client:
        found, held = client.screening.policies(), client.screening.assignments()
    if as_json:
        told = {"policies": [asdict(each) for each in found], "assignments": [asdict(each) for each in held]}
        out().print_json(data=told, default=str)
        return
    out().print(policies(found))
    if held:
        out().print()
        out().print(assigned(held))
    else:
        remark("Nothing is assigned: the default policy holds on every route.")


@app.command("show")
def show(
    name: Name,
    version: OfVersion = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Print a policy as it was put."""
    with connect(url, api_key) as client:
        found = client.screening.policy(name, version=version)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    typer.echo(printable(found.yaml), nl=not found.yaml.endswith("\n"))
    since = f", put at {found.created_at:%Y-%m-%d %H:%M} by {found.by}" if found.created_at else ""
    remark(f"{found.name}, {found.version}{since}")


@app.command("test")
def run_tests(file: File, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Run a policy's own tests; keeps nothing, and fails where one of them does."""
    from colonnade.cli.policy_files import read_policy, told_by_line
    from colonnade.cli.policy_tables import trials

    policy = read_policy(file)
    with connect(url, api_key) as client, told_by_line(policy):
        made = client.screening.test(policy.text)
    if as_json:
        out().print_json(data=asdict(made), default=str)
    else:
        if made.outcomes:
            out().print(trials(made.outcomes))
        remark(f"{len(made.outcomes) - len(made.failed)} of {len(made.outcomes)} tests pass.")
    if made.failed:
        raise typer.Exit(FAILED)


@app.command("put")
def put(file: File, url: Url = None, api_key: ApiKey = None) -> None:
    """Keep a policy, once it passes its own tests; print its version. It judges nothing yet."""
    from colonnade.cli.policy_files import read_policy, told_by_line

    policy = read_policy(file)
    with connect(url, api_key) as client, told_by_line(policy):
        made = client.screening.put(policy.name, policy.text)
    out().print(made.version)
    said = "is kept" if made.is_new else "means what was there already"
    remark(f"{made.name} {said}. Have it judge: colonnade policy use {made.name}")


@app.command("use")
def use(
    name: Name,
    route: Route = "*",
    share: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="Percent of the requests; the rest keeps what was. 0 ends a candidate."
        ),
    ] = 100,
    version: OfVersion = None,
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have a policy judge: all requests, or a share of them."""
    with connect(url, api_key) as client:
        _said(client.screening.assign(
            route, name, version=version, share=share, why=why, expected_revision=expected_revision
        ))  # fmt: skip


@app.command("shadow")
def shadow(
    name: Name,
    route: Route = "*",
    end: Annotated[bool, typer.Option("--end", help="No longer.")] = False,
    version: OfVersion = None,
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have a policy judge beside the one that holds: it is recorded, and decides nothing."""
    with connect(url, api_key) as client:
        _said(client.screening.assign(
            route, name, version=version, share=0 if end else 100, shadow=True, why=why,
            expected_revision=expected_revision,
        ))  # fmt: skip


@app.command("back")
def back(
    route: Route = "*",
    why: Why = None,
    expected_revision: Expected = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Have what held before the last assignment hold again."""
    with connect(url, api_key) as client:
        _said(client.screening.take_back(route, why=why, expected_revision=expected_revision))


@app.command("dry-run")
def dry_run(
    file: File,
    limit: Annotated[int | None, typer.Option(min=1, help="Newest texts at most; by default 1000.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What a policy would have done to kept traffic, beside what is in use."""
    from colonnade.cli.policy_files import read_policy, told_by_line
    from colonnade.cli.policy_tables import changes

    policy = read_policy(file)
    with connect(url, api_key) as client, told_by_line(policy):
        made = client.screening.dry_run(policy.text, limit=limit)
    if as_json:
        out().print_json(data=asdict(made), default=str)
        return
    if made.changed:
        out().print(changes(made.changed))
    if made.screened:
        remark(f"{len(made.changed)} of {made.screened} kept texts would be treated otherwise.")
    else:
        remark("No texts are kept; have a sample kept with COLONNADE_ETHICS_KEEP_SAMPLE.")


def _said(held: "Assignment") -> None:
    from colonnade.cli.policy_tables import version_of

    parts = [f"{version_of(held.policy)} holds" if held.policy else "what holds everywhere holds here"]
    if held.candidate:
        parts.append(f"{version_of(held.candidate)} judges {held.share}% of the requests")
    if held.shadow:
        parts.append(f"{version_of(held.shadow)} is its shadow")
    remark(f"{held.route}: {'; '.join(parts)} (revision {held.revision}).")
