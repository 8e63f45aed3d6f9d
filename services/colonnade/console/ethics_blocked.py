"""What policies decided, newest first, and how much of it there was; a row opens with its explanation."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from colonnade.client import AsyncColonnade, DecisionCount, KeptDecision
from colonnade.console.day_chart import day_chart
from colonnade.console.drawing import Cell, dialog, empty, facts, panel, table, text
from colonnade.console.memory_card import draw_reasons
from colonnade.console.views.decisions import (
    ACTIONS,
    SPANS,
    Wanted,
    action_of,
    bars_of,
    facts_of,
    rule_bars,
    words_of,
)
from colonnade.console.views.formats import moment
from colonnade.console.visit import Part, Visit

_AT_ONCE = 50
_HEADS = ("When", "What happened", "Rule", "In the", "Route", "Whose", "")


@dataclass(frozen=True, slots=True)
class Seen:
    wanted: Wanted
    decisions: Sequence[KeptDecision]
    by_rule: Sequence[DecisionCount]
    by_day: Sequence[DecisionCount]


class Blocked:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._limit = _AT_ONCE

    def draw(self) -> None:
        first = Wanted()
        with ui.element("div").classes("line"):
            self._days = ui.select(dict(SPANS), label="The last", value=first.days, on_change=self._anew)
            actions = {"": "anything", **ACTIONS}
            self._action = ui.select(actions, label="What happened", value="", on_change=self._anew)
            self._rule = ui.input("Rule", placeholder="any").on("keydown.enter", self._anew)
            self._shadow = ui.checkbox("Of shadows, which decide nothing", on_change=self._anew)
            ui.button("Show", on_click=self._anew).props("outline")
        self._part: Part[Seen] = Part(self._visit, self._load, self._show)

    async def refresh(self) -> None:
        await self._part.refresh()

    async def _anew(self) -> None:
        self._limit = _AT_ONCE
        await self.refresh()

    async def _more(self) -> None:
        self._limit += _AT_ONCE
        await self.refresh()

    async def _load(self, client: AsyncColonnade) -> Seen:
        """One decision more than is shown, which says whether there are more."""
        wanted = Wanted(
            int(self._days.value or 1), str(self._rule.value or "").strip(), str(self._action.value or ""),
            bool(self._shadow.value),
        )  # fmt: skip
        asked = wanted.asked()
        screening = client.screening
        return Seen(
            wanted,
            *await asyncio.gather(
                screening.decisions(limit=self._limit + 1, **asked),
                screening.summary("rule", **asked),
                screening.summary("day", **asked),
            ),
        )

    def _show(self, seen: Seen) -> None:
        if not seen.decisions:
            empty(
                "Nothing of this kind was decided then.",
                "Look further back, or leave the filters empty. What is looked for stands under Policies.",
            )
            return
        with panel("How much"):
            day_chart("Decisions a day", bars_of(seen.by_day, seen.wanted.first(), seen.wanted.last()))
            text("p", words_of(seen.by_day), "muted")
            text("h3", "By rule")
            with ui.element("div").classes("intervals"):
                draw_reasons(rule_bars(seen.by_rule))
        rows = [self._row(each) for each in seen.decisions[: self._limit]]
        table("Decisions", _HEADS, rows, whole=("When", "What happened"))
        if len(seen.decisions) > self._limit:
            text("p", f"The newest {self._limit}.", "muted")
            ui.button("Show more", on_click=self._more).props("outline")

    def _row(self, decision: KeptDecision) -> tuple[Cell, ...]:
        return (
            moment(decision.at),
            action_of(decision),
            decision.rule,
            decision.side,
            decision.route,
            decision.subject,
            lambda: self._opening(decision),
        )

    def _opening(self, decision: KeptDecision) -> None:
        button = ui.button("Why", on_click=lambda: self._open(decision))
        button.props("flat dense aria-haspopup=dialog")
        button.props["aria-label"] = f"Why {decision.rule}, {moment(decision.at)}"

    def _open(self, decision: KeptDecision) -> None:
        with self._visit.page.content, dialog("A decision") as opened:
            text("p", decision.explanation or "It has no explanation.", "said")
            facts(facts_of(decision))
            text("p", "The text that it is about is not kept.", "muted")
            with ui.element("div").classes("line"):
                ui.button("Close", on_click=opened.close).props("outline autofocus")
