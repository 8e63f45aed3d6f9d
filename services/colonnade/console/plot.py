"""Curves, drawn by the ECharts that NiceGUI brings; below each plot stands in words what it shows."""

from collections.abc import Iterable, Sequence

from nicegui import ui

from colonnade.console.drawing import text
from colonnade.console.live import piece
from colonnade.console.views.plots import Plot, options_of, series_of, words_of


class Plots:
    """Each stays where it is while its curves grow."""

    def __init__(self) -> None:
        self._none = text("p", "Nothing was measured yet.", "muted")
        self._box = ui.element("div").classes("plots")
        self._drawn: dict[str, _Drawn] = {}

    def show(self, plots: Iterable[Plot]) -> None:
        """Those that have points: a plot that is begun without a size complains."""
        for plot in plots:
            if not any(line.points for line in plot.lines):
                continue
            if plot.title not in self._drawn:
                with self._box:
                    self._drawn[plot.title] = _Drawn(plot)
            self._drawn[plot.title].show(plot)
        self._none.set_visibility(not self._drawn)


class _Drawn:
    def __init__(self, plot: Plot) -> None:
        self._shown: Plot | None = None
        with ui.element("figure").classes("plot"):
            text("figcaption", plot.title)
            self._legend = piece(_lines, _legend)
            self._chart = ui.echart(options_of(plot), renderer="svg").classes("plot-chart").props("role=img")
            self._chart.props["aria-label"] = f"{plot.title}, drawn; in words below"
            self._words = text("p", "", "muted plot-words")

    def show(self, plot: Plot) -> None:
        if plot == self._shown:
            return
        if self._shown is not None:
            self._chart.options["series"] = series_of(plot)
        self._shown = plot
        self._legend(plot)
        self._words.text = "\n".join(words_of(plot))


def _lines(plot: Plot) -> Sequence[tuple[str, int, bool]]:
    return [(line.label, line.hue, line.dashed) for line in plot.lines if line.points]


def _legend(lines: Sequence[tuple[str, int, bool]]) -> None:
    """Of one line there is nothing to tell apart."""
    if len(lines) < 2:
        return
    with ui.element("ul").classes("legend"):
        for label, hue, dashed in lines:
            with ui.element("li"):
                mark = ui.element("span").classes(f"hue hue-{hue}").props("aria-hidden=true")
                mark.classes("dashed" if dashed else "")
                text("span", label)
