"""A graph as a picture, with everything that it shows in a list beside it, which the keyboard reaches."""

from collections.abc import Iterable, Sequence

from nicegui import ui

from colonnade.console.drawing import Cell, table, text
from colonnade.console.views.graph import BOX_HEIGHT, BOX_WIDTH, Box, Layout, Line, layout
from colonnade.console.views.lineage import Dot

MOST_BOXES = 60
"""More are listed, not drawn."""
_LETTERS, _END = 18, 6
_UPPER_LINE, _LOWER_LINE, _MARGIN = 19, 36, 10


def draw_graph(caption: str, dots: Sequence[Dot], edges: Iterable[tuple[str, str, str]]) -> None:
    """``edges`` are (what came, how, from what), by their keys."""
    edges = list(edges)
    drawn = {dot.key: dot for dot in dots[:MOST_BOXES]}
    placed = layout(list(drawn), edges)
    box = ui.element("div").classes("scroll graph").props("role=region tabindex=0")
    box.props["aria-label"] = f"{caption}, drawn"
    with box, _tag("svg", width=placed.width, height=placed.height) as picture:
        picture.props["viewBox"] = f"0 0 {placed.width} {placed.height}"
        picture.props["role"] = "img"
        picture.props["aria-label"] = f"{len(dots)} things and {len(edges)} links, all in the list below"
        _lines(placed)
        for each in placed.boxes:
            _box(each, drawn[each.node])
    if len(dots) > MOST_BOXES:
        text("p", f"The first {MOST_BOXES} of {len(dots)} are drawn.", "muted")
    _list(caption, dots, edges)


def _lines(placed: Layout) -> None:
    for line in placed.lines:
        _tag("path", d=line.path).classes("graph-line")
    for line in placed.lines:
        _label(line)


def _label(line: Line) -> None:
    label = text("text", line.label.replace("_", " "), "graph-how")
    label.props["x"], label.props["y"] = str(line.x), str(line.y + 4)


def _box(box: Box, dot: Dot) -> None:
    """A picture in the picture: what does not fit is cut at its edge."""
    placed = {"x": box.x, "y": box.y, "width": BOX_WIDTH, "height": BOX_HEIGHT}
    with _tag("svg", **placed).classes(f"graph-box {'here' if dot.here else ''}"):
        text("title", f"{dot.kind} {dot.label}")
        _tag("rect", x=1, y=1, width=BOX_WIDTH - 2, height=BOX_HEIGHT - 2, rx=6)
        for words, down, classes in (
            (dot.kind, _UPPER_LINE, "graph-kind"),
            (_cut(dot.label), _LOWER_LINE, ""),
        ):
            line = text("text", words, classes)
            line.props["x"], line.props["y"] = str(_MARGIN), str(down)


def _list(caption: str, dots: Sequence[Dot], edges: Sequence[tuple[str, str, str]]) -> None:
    labels = {dot.key: dot.label for dot in dots}

    def came(key: str) -> str:
        return "; ".join(
            f"{how.replace('_', ' ')} {labels.get(origin, origin)}"
            for what, how, origin in edges
            if what == key
        )

    rows: list[tuple[Cell, ...]] = [
        (dot.kind, _linked(dot), came(dot.key) or "\u2013", dot.more) for dot in dots
    ]
    table(caption, ("Kind", "What", "Came from", "More"), rows)


def _linked(dot: Dot) -> Cell:
    label = dot.label + (" (this)" if dot.here else "")
    return (lambda: ui.link(label, dot.link)) if dot.link and not dot.here else label


def _tag(tag: str, **attributes: object) -> ui.element:
    made = ui.element(tag)
    for name, value in attributes.items():
        made.props[name] = str(value)
    return made


def _cut(label: str) -> str:
    """In the middle: what tells versions apart stands at the end."""
    return label if len(label) <= _LETTERS else f"{label[: _LETTERS - _END - 1]}\u2026{label[-_END:]}"
