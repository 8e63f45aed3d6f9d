"""The shapes that pages are drawn with. What comes from users or models goes in as text, never as HTML."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from colonnade.client import AliasTarget

MOST_ROWS = 300
"""More are counted, not drawn."""
Cell = str | Callable[[], object]
"""A text, or what draws into the cell."""


def text(tag: str, content: str, classes: str = "") -> TextElement:
    """An element that holds a text and nothing else."""
    return TextElement(tag=tag, text=content).classes(classes)


def heading(name: str, *way: tuple[str, str]) -> TextElement:
    """Of a page below others: their titles and paths are the ``way`` to it."""
    with ui.element("nav").props("aria-label='Way here'").classes("way"):
        for title, path in way:
            ui.link(title, path)
    ui.page_title(f"{name} · Colonnade")
    return text("h1", name)


@contextmanager
def panel(title: str, *, level: str = "h2") -> Iterator[ui.element]:
    with ui.element("section").classes("panel") as box:
        text(level, title)
        yield box


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Scrolls sideways in a box of its own, where the page is too narrow. ``right``: heads of
    numbers; ``whole``: of what is never broken into lines."""
    rows = list(rows)
    box = ui.element("div").classes("scroll").props("role=region tabindex=0")
    box.props["aria-label"] = caption
    with box, ui.element("table"):
        text("caption", caption, "unseen")
        with ui.element("thead"), ui.element("tr"):
            for head in heads:
                text("th", head, "number" if head in right else "").props("scope=col")
        with ui.element("tbody"):
            for row in rows[:MOST_ROWS]:
                with ui.element("tr"):
                    for head, cell in zip(heads, row, strict=True):
                        _cell(cell, "number" if head in right else "whole" if head in whole else "")
    if len(rows) > MOST_ROWS:
        text("p", f"The first {MOST_ROWS} of {len(rows)}; narrow the search to see others.", "muted")


def _cell(cell: Cell, classes: str) -> None:
    if isinstance(cell, str):
        text("td", cell, classes)
        return
    with ui.element("td").classes(classes):
        cell()


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    with ui.element("dl").classes("facts"):
        for name, value in pairs:
            with ui.element("div"):
                text("dt", name)
                text("dd", value)


def shares(targets: Sequence[AliasTarget]) -> None:
    """A bar with the share of each version."""
    told = ", ".join(f"version {target.version} {target.weight} %" for target in targets)
    with ui.element("div").classes("weights").props("role=img") as weights:
        weights.props["aria-label"] = told or "no version"
        for target in targets:
            share = text("span", f"v{target.version} {target.weight} %", "weight")
            share.style(f"flex-grow: {target.weight}")


def empty(message: str, next_step: str) -> None:
    """A place where nothing is yet, and how something gets there."""
    with ui.element("section").classes("state"):
        text("p", message, "state-title")
        text("p", next_step, "muted")


@contextmanager
def dialog(title: str) -> Iterator[ui.dialog]:
    """A dialog that is open; Esc closes it."""
    with ui.dialog() as made, ui.card().classes("dialog"):
        text("h2", title)
        yield made
    made.props["aria-label"] = title
    made.on("hide", made.delete)
    made.open()
