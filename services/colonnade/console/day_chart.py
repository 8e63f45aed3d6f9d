"""A bar for each day; what calls it says the numbers in words as well."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.views.day_bars import DayBar


def day_chart(caption: str, bars: Sequence[DayBar]) -> None:
    with ui.element("figure").classes("chart"):
        text("figcaption", caption)
        with ui.element("div").classes("bars").props("aria-hidden=true"):
            for bar in bars:
                with ui.element("div").classes("day"):
                    ui.element("div").classes("bar").style(f"height: {bar.percent:.1f}%")
                    ui.tooltip(bar.told)
        with ui.element("div").classes("ends muted"):
            text("span", str(bars[0].day))
            text("span", str(bars[-1].day))
