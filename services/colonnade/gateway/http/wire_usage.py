"""Usage as JSON and as CSV."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.usage import Amounts, UsageRow

_COUNTS = ("requests", "prompt_tokens", "cached_prompt_tokens", "completion_tokens")
_CACHED = ("cached_requests", "cached_completion_tokens")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for one."""


class AmountsOut(BaseModel):
    requests: int
    prompt_tokens: int
    cached_prompt_tokens: int = Field(description="Of the prompt's, those that were not computed again.")
    completion_tokens: int
    total_tokens: int = Field(description="That engines worked on.")
    cached_requests: int = Field(description="Whose answers were not generated for them.")
    cached_completion_tokens: int = Field(description="Of those answers; no engine generated them again.")


class UsageRowOut(AmountsOut):
    """What was not grouped by is left out."""

    day: str | None = None
    tenant: str | None = None
    key: str | None = Field(default=None, description="The key's id; empty where no key was needed.")
    model: str | None = None
    adapter: str | None = Field(default=None, description="Empty where there was none.")


class UsageOut(BaseModel):
    first: str = Field(serialization_alias="from")
    last: str = Field(serialization_alias="to")
    group_by: list[str]
    usage: list[UsageRowOut]
    total: AmountsOut


def usage_json(first: date, last: date, group_by: Sequence[str], rows: Sequence[UsageRow]) -> dict[str, Any]:
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "group_by": list(group_by),
        "usage": [_groups(row, group_by) | _amounts(row.amounts) for row in rows],
        "total": _amounts(sum((row.amounts for row in rows), Amounts())),
    }


def usage_csv(group_by: Sequence[str], rows: Sequence[UsageRow]) -> str:
    """A line of names, then a line a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*group_by, *_amounts(Amounts())])
    for row in rows:
        writer.writerow([*map(_plain, _groups(row, group_by).values()), *_amounts(row.amounts).values()])
    return text.getvalue()


def day_of(text: str | None, field: str) -> date | None:
    """``2030-01-31``; ``InvalidArgument`` for anything else."""
    if not text:
        return None
    try:
        if len(text) == len("2030-01-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass  # refused below, like one of another length
    raise InvalidArgument(f"{field} must be a day such as 2030-01-31", field=field, limit="YYYY-MM-DD")


def _groups(row: UsageRow, group_by: Sequence[str]) -> dict[str, str]:
    return {name: str(getattr(row, name)) for name in group_by}


def _amounts(amounts: Amounts) -> dict[str, int]:
    counts = {name: getattr(amounts, name) for name in _COUNTS} | {"total_tokens": amounts.tokens}
    return counts | {name: getattr(amounts, name) for name in _CACHED}


def _plain(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
