"""``colonnade decisions``"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, printable, remark, table

if TYPE_CHECKING:
    from colonnade.client import DecisionFilter


def decisions(
    rule: Annotated[str | None, typer.Option(help="Of one rule.")] = None,
    action: Annotated[str | None, typer.Option(help="allow, mask, regenerate or refuse.")] = None,
    route: Annotated[str | None, typer.Option(help="As /generate.")] = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="Of one request.")] = None,
    since: Annotated[str | None, typer.Option(help="Of so long ago at most: 24h, 7d, 8w.")] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="What shadows would have decided, instead of what held.")
    ] = False,
    summary: Annotated[bool, typer.Option("--summary", help="How many there were.")] = False,
    by: Annotated[str, typer.Option(help="What --summary counts together: rule, action or day.")] = "rule",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """What policies decided, newest first, and why; never the text that it was about."""
    from colonnade.cli.keys import duration

    wanted: DecisionFilter = {
        "rule": rule, "action": action, "route": route, "request_id": request, "shadow": shadow,
        "since": datetime.now(UTC) - duration(since, "since") if since else None,
    }  # fmt: skip
    if summary:
        _summary(wanted, by, as_json, url, api_key)
    else:
        _list(wanted, limit, as_json, url, api_key)


def _list(wanted: "DecisionFilter", limit: int, as_json: bool, url: str | None, api_key: str | None) -> None:
    with connect(url, api_key) as client:
        found = client.screening.decisions(limit=limit, **wanted)
    if as_json:
        out().print_json(data=[asdict(each) for each in found], default=str)
        return
    if not found:
        remark("There is no such decision on record.")
        return
    rows = table("at", "route", "by", "request", "action", "policy", "why")
    for each in found:
        rows.add_row(
            f"{each.at:%Y-%m-%d %H:%M:%S}", printable(each.route), printable(each.subject),
            printable(each.request_id), each.action, each.policy.name, printable(each.explanation),
        )  # fmt: skip
    out().print(rows)


def _summary(wanted: "DecisionFilter", by: str, as_json: bool, url: str | None, api_key: str | None) -> None:
    with connect(url, api_key) as client:
        counts = client.screening.summary(by, **wanted)
    if as_json:
        out().print_json(data=[asdict(each) for each in counts])
        return
    if not counts:
        remark("There is no such decision on record.")
        return
    rows = table(by, "decisions", right=("decisions",))
    for each in counts:
        rows.add_row(printable(each.key), str(each.count))
    out().print(rows)
