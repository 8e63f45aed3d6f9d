"""Figures with their intervals, one under another on one scale; beside each stands the same in numbers."""

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.views.bias import Interval, Intervals


def draw_intervals(drawn: Intervals) -> None:
    with ui.element("figure").classes("chart intervals"):
        told = f"{drawn.title} (95 % intervals{'; ' if drawn.fair_told else ''}{drawn.fair_told})"
        text("figcaption", told)
        with ui.element("dl").classes("reasons"):
            for line in drawn.lines:
                with ui.element("div"):
                    text("dt", line.name)
                    with ui.element("dd"):
                        _bar(line, drawn.fair)
                        text("span", line.told)


def _bar(line: Interval, fair: float | None) -> None:
    with ui.element("span").classes("interval").props("aria-hidden=true"):
        if fair is not None:
            ui.element("span").classes("interval-fair").style(f"left: {fair:.2f}%")
        width = max(0.0, line.end - line.begin)
        ui.element("span").classes("interval-range").style(f"left: {line.begin:.2f}%; width: {width:.2f}%")
        ui.element("span").classes("interval-value").style(f"left: {line.value:.2f}%")
