"""Bias: the watch over the traffic with its alarms, reports of versions, and a figure over versions."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, BiasReport, LiveBias
from colonnade.console.drawing import Cell, empty, panel, table, text
from colonnade.console.ethics_report import begin_dialog, report_dialog
from colonnade.console.intervals import draw_intervals
from colonnade.console.live import Live, piece
from colonnade.console.views.bias import (
    HOURS,
    alarm_of,
    gaps_of,
    group_rows,
    history_of,
    kinds_of,
    named,
    state_of,
)
from colonnade.console.views.formats import moment
from colonnade.console.visit import Part, Visit

_MOST = 50
_EVERY_SECONDS = 2.0
_HEADS = ("Version", "Sets", "State", "Began", "By", "")
_GROUPS = ("Version", "Dimension", "Group", "Answers", "Refused", "Unkind")


class Bias:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._followed = False

    def draw(self) -> None:
        if self._visit.offers("POST /bias/reports", "Beginning a report"):
            ui.button("Begin a report", on_click=self._begin).props("aria-haspopup=dialog")
        with panel("Reports"):
            self._reports: Live[Sequence[BiasReport]] = Live(
                self._visit, self._load, lambda first: self._build(), over=_over
            )
        with panel("In the traffic"):
            self._hours = ui.select(dict(HOURS), label="The last", value=24, on_change=self._look)
            self._hours.classes("short")
            self._live: Part[LiveBias] = Part(
                self._visit, lambda client: client.bias.live(hours=int(self._hours.value)), _draw_live
            )

    async def refresh(self) -> None:
        if self._followed:
            await self._reports.refresh()
        else:
            self._followed = True
            await self._reports.follow(_EVERY_SECONDS)
        await self._look()

    async def _look(self) -> None:
        await self._live.refresh()

    async def _begin(self) -> None:
        await begin_dialog(self._visit, self._reports.refresh)

    async def _load(self, client: AsyncColonnade) -> Sequence[BiasReport]:
        return await client.bias.list(limit=_MOST)

    def _build(self) -> Callable[[Sequence[BiasReport]], None]:
        shows = [
            piece(_going, _draw_going),
            piece(_ended, self._draw_ended),
            piece(_done, _History().draw),
        ]

        def show(reports: Sequence[BiasReport]) -> None:
            for each in shows:
                each(reports)

        return show

    def _draw_ended(self, found: tuple[bool, Sequence[BiasReport]]) -> None:
        any_going, ended = found
        if not ended and not any_going:
            empty(
                "No version was asked yet.",
                "Begin a report here, or type: colonnade bias report MODEL --watch",
            )
        elif ended:
            table("Reports of bias", _HEADS, map(self._row, ended), whole=("Began",))

    def _row(self, report: BiasReport) -> tuple[Cell, ...]:
        return (
            named(report),
            ", ".join(report.sets),
            state_of(report),
            moment(report.created_at),
            report.by or "somebody who was erased",
            lambda: self._opening(report),
        )

    def _opening(self, report: BiasReport) -> None:
        if not report.figures:
            return
        button = ui.button("Figures", on_click=lambda: self._open(report))
        button.props("flat dense aria-haspopup=dialog")
        button.props["aria-label"] = f"Figures of {named(report)}, {moment(report.created_at)}"

    def _open(self, report: BiasReport) -> None:
        with self._visit.page.content:
            report_dialog(report)


class _History:
    """One figure of a model's reports; what was chosen stays chosen when another report is done."""

    def __init__(self) -> None:
        self._model = self._kind = ""

    def draw(self, reports: Sequence[BiasReport]) -> None:
        if not reports:
            return
        models = sorted({each.model for each in reports})
        self._model = self._model if self._model in models else reports[0].model
        text("h3", "Over versions")
        with ui.element("div").classes("line"):
            ui.select(models, label="Model", value=self._model, on_change=lambda event: choose(event.value))
            self._figure = ui.select({}, label="Figure", on_change=lambda event: show(event.value))
            self._figure.classes("broad")
        box = ui.element("div").classes("part")

        def choose(model: str) -> None:
            self._model = model
            kinds = kinds_of(self._of(reports))
            self._kind = self._kind if self._kind in kinds else next(iter(kinds), "")
            self._figure.set_options(kinds, value=self._kind or None)
            show(self._kind)

        def show(kind: str | None) -> None:
            self._kind = kind or ""
            box.clear()
            drawn = history_of(self._of(reports), self._kind)
            if drawn is not None:
                with box:
                    draw_intervals(drawn)

        choose(self._model)

    def _of(self, reports: Sequence[BiasReport]) -> list[BiasReport]:
        return [each for each in reports if each.model == self._model]


def _over(reports: Sequence[BiasReport]) -> bool:
    return all(each.ended for each in reports)


def _going(reports: Sequence[BiasReport]) -> list[tuple[str, str]]:
    return [(named(each), state_of(each)) for each in reports if not each.ended]


def _draw_going(going: list[tuple[str, str]]) -> None:
    for name, state in going:
        text("p", f"{name}: {state}", "progress")


def _ended(reports: Sequence[BiasReport]) -> tuple[bool, Sequence[BiasReport]]:
    return not _over(reports), [each for each in reports if each.ended]


def _done(reports: Sequence[BiasReport]) -> list[BiasReport]:
    return [each for each in reports if each.figures]


def _draw_live(live: LiveBias) -> None:
    for alarm in live.alarms:
        text("p", f"Alarm: {alarm_of(alarm)}", "notice")
    if not live.cells and not live.gaps:
        empty(
            "Nothing was looked at in that time.",
            "COLONNADE_ETHICS_BIAS_SHARE says how many of the requests are; by default none.",
        )
        return
    if not live.alarms:
        text("p", "There is no alarm.", "muted")
    if live.gaps:
        draw_intervals(gaps_of(live))
        text("p", "People ask different things about different groups: a gap alone is no bias.", "muted")
    table("Groups in the traffic", _GROUPS, group_rows(live), right=_GROUPS[3:])
