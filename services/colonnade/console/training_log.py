"""The end of a run's log, which grows while one looks at it."""

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from colonnade.console.drawing import text
from colonnade.console.training_watch import Seen
from colonnade.console.views.formats import number
from colonnade.console.views.run_log import MOST_LINES


class LogTail:
    """Adds what is new at its end, and takes away what is too old."""

    def __init__(self) -> None:
        self._told = text("p", "", "muted")
        box = ui.element("div").classes("run-log").props("role=log aria-live=off tabindex=0 aria-label=Log")
        with box:
            self._box = ui.element("div")
        self._lines: list[TextElement] = []
        self._read = 0

    def show(self, seen: Seen) -> None:
        new = min(seen.read - self._read, len(seen.lines))
        self._read = seen.read
        self._told.text = _told(seen)
        if new <= 0:
            return
        with self._box:
            self._lines += [text("p", line) for line in seen.lines[-new:]]
        for gone in self._lines[:-MOST_LINES]:
            gone.delete()
        del self._lines[:-MOST_LINES]


def _told(seen: Seen) -> str:
    if not seen.read:
        return "Nothing yet."
    if not seen.whole:
        return f"{number(seen.read)} lines until now; reading on."
    if seen.read <= MOST_LINES:
        return ""
    return (
        f"The last {MOST_LINES} of {number(seen.read)} lines; all of them: colonnade jobs logs {seen.job.id}"
    )
