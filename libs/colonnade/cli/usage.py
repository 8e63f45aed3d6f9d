"""``colonnade usage``"""

import csv
import sys
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.terminal import out, remark, table
from colonnade.errors import InvalidArgument

if TYPE_CHECKING:
    from colonnade.client import UsageReport, UsageSum

_COUNTS = (
    "requests",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_requests",
    "cached_completion_tokens",
)
_TITLES = ("requests", "prompt", "of it cached", "completion", "total", "from caches", "tokens of those")


def usage(
    first: Annotated[
        str | None, typer.Option("--from", help="A day, as 2030-01-31; else the month's first.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="A day, included; else today, in UTC.")] = None,
    group_by: Annotated[
        str, typer.Option(help="Of day, tenant, key, model, adapter, by commas.")
    ] = "day,key,model",
    tenant: Annotated[str | None, typer.Option(help="Of this tenant only.")] = None,
    key: Annotated[str | None, typer.Option(help="Of this key only, by its id.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Of this model only.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Requests and tokens, added up."""
    groups = [name.strip() for name in group_by.split(",") if name.strip()]
    with connect(url, api_key) as client:
        report = client.usage(
            first=_day(first, "from"),
            last=_day(last, "to"),
            group_by=groups,
            tenant=tenant,
            key=key,
            model=model,
        )
    if as_json:
        out().print_json(data=asdict(report), default=str)
    elif as_csv:
        _print_csv(report)
    elif not report.usage:
        remark("Nothing was used in these days.")
    else:
        _print_table(report)


def _day(text: str | None, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidArgument(f"--{field} must be a day such as 2030-01-31", field=field) from None


def _print_csv(report: "UsageReport") -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*report.group_by, *_COUNTS])
    for row in report.usage:
        writer.writerow([*_groups(row, report), *(getattr(row, name) for name in _COUNTS)])


def _print_table(report: "UsageReport") -> None:
    rows = table(*report.group_by, *_TITLES, right=_TITLES)
    for row in report.usage:
        rows.add_row(*_groups(row, report), *(str(getattr(row, name)) for name in _COUNTS))
    if report.group_by and len(report.usage) > 1:
        blank = [""] * (len(report.group_by) - 1)
        rows.add_row("in all", *blank, *(str(getattr(report.total, name)) for name in _COUNTS))
    out().print(rows)


def _groups(row: "UsageSum", report: "UsageReport") -> list[str]:
    return [str(getattr(row, name)) for name in report.group_by]
