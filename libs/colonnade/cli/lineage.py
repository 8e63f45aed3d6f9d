"""``colonnade lineage``, and ``colonnade models evaluations``"""

from dataclasses import asdict
from typing import Annotated

import typer

from colonnade.cli.cataloguing import version_of
from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, printable, remark, table


def lineage(
    node: Annotated[
        str,
        typer.Argument(
            help="smollm2 (its production), smollm2:3, a version's digest, dataset:sha256:..., run:nightly, "
            "or the lineage link of an answer."
        ),
    ],
    downstream: Annotated[
        bool, typer.Option("--downstream", help="What came from it, and is live now.")
    ] = False,
    depth: Annotated[int | None, typer.Option(help="In edges; by default as far as it goes.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What made a version or an answer, or what would be affected if a data set were withdrawn."""
    from colonnade.cli.tracing import summary, trees

    direction = "downstream" if downstream else "upstream"
    with connect(url, api_key) as client:
        found = client.lineage.trace(node, direction=direction, depth=depth)
    if as_json:
        out().print_json(data=asdict(found), default=str)
        return
    for tree in trees(found, downstream=downstream):
        out().print(tree)
    out().print(summary(found, downstream=downstream))


def evaluations(
    version: Annotated[str, typer.Argument(help="As in smollm2:3.")],
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What was measured of a version, by gates and by people, newest first."""
    name, number = version_of(version)
    with connect(url, api_key) as client:
        found = client.models.evaluations(name, number)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark(f"Nothing was measured of {version} yet.")
        return
    rows = table("suite", "results", "outcome", "at", "by", "for")
    for each in found:
        results = ", ".join(f"{result} {figure:.4g}" for result, figure in each.results.items())
        at = f"{each.at:%Y-%m-%d %H:%M}" if each.at else ""
        rows.add_row(*map(printable, (each.suite, results, each.outcome, at, each.by, each.origin)))
    out().print(rows)
