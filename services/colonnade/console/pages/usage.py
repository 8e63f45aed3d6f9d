"""What was used, by day, key and model; what is left; and the same as a file."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from colonnade.client import AsyncColonnade, Limits, Remaining, UsageReport
from colonnade.console.day_chart import day_chart
from colonnade.console.drawing import Cell, empty, facts, panel, table, text
from colonnade.console.places import Place
from colonnade.console.views.day_bars import DayBar
from colonnade.console.views.formats import number
from colonnade.console.views.limits import left_lines, limit_lines
from colonnade.console.views.usage import bars
from colonnade.console.visit import Part, Visit

_SPANS = {7: "7 days", 30: "30 days", 90: "90 days"}


@dataclass(frozen=True, slots=True)
class Span:
    days: int = 30

    @property
    def last(self) -> date:
        return datetime.now(UTC).date()

    @property
    def first(self) -> date:
        return self.last - timedelta(days=self.days - 1)


async def build(visit: Visit) -> None:
    span = Span()

    async def load(client: AsyncColonnade) -> tuple[Span, UsageReport]:
        return span, await client.usage(first=span.first, last=span.last)

    async def chosen(event: ValueChangeEventArguments[Any]) -> None:
        nonlocal span
        span = Span(int(event.value))
        await used.refresh()
        link.props["href"] = f"/usage.csv?days={span.days}"

    with ui.element("div").classes("line"):
        ui.select(_SPANS, label="The last", value=span.days, on_change=chosen).classes("short")
        link = ui.link("Download as CSV", f"/usage.csv?days={span.days}").props("download")
    used: Part[tuple[Span, UsageReport]] = Part(visit, load, lambda loaded: _draw(*loaded))
    await used.refresh()
    with panel("What is left to you"):
        await Part(visit, lambda client: client.limits.me(), _left).refresh()
    if not visit.why_not("GET /limits", "Seeing limits"):
        with panel("Limits"):
            await Part(visit, lambda client: client.limits.list(), _limits).refresh()


def _draw(span: Span, report: UsageReport) -> None:
    if not report.usage:
        empty("Nothing was used then, as far as your key may see.", "Ask something in the playground.")
        return
    total = report.total
    facts([("Requests", number(total.requests)), ("Tokens", number(total.total_tokens))])
    _chart(report, span)
    heads = ("Day", "Key", "Model", "Requests", "Prompt", "Completion", "Together", "Kept answers")
    rows: list[tuple[Cell, ...]] = [
        (
            str(each.day or ""), each.key or "none", each.model or "", number(each.requests),
            number(each.prompt_tokens), number(each.completion_tokens), number(each.total_tokens),
            number(each.cached_requests),
        )
        for each in sorted(report.usage, key=lambda each: str(each.day), reverse=True)
    ]  # fmt: skip
    table("Usage", heads, rows, right=heads[3:], whole=("Day",))


def _chart(report: UsageReport, span: Span) -> None:
    """Its numbers stand in the table as well."""
    day_chart(
        "Tokens a day",
        [
            DayBar(
                bar.day,
                bar.percent,
                f"{bar.day}: {number(bar.tokens)} tokens, {number(bar.requests)} requests",
            )
            for bar in bars(report.usage, span.first, span.last)
        ],
    )


def _left(scopes: list[Remaining]) -> None:
    lines = [line for scope in scopes for line in left_lines(scope)]
    if not lines:
        text("p", "Nothing limits your key.", "muted")
        return
    table("What is left", ("Scope", "Of", "Left", "Limit"), lines, right=("Left", "Limit"))


def _limits(limits: list[Limits]) -> None:
    lines = [line for each in limits for line in limit_lines(each)]
    if not lines:
        text("p", "Nothing has limits of its own. Set some with: colonnade limits set", "muted")
        return
    table("Limits", ("Scope", "Of", "Limit"), lines, right=("Limit",))


PLACE = Place("/usage", "Usage", 50, build)
