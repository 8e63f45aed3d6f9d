"""Where the boxes and lines of a graph go: what came from something stands below it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT = 156, 46
_GAP_X, _GAP_Y, _EDGE = 16, 40, 8
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Box:
    node: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """From the lower side of what was before to the upper side of what came from it, as an SVG path."""

    path: str
    label: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Layout:
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int


def layout(nodes: Sequence[str], edges: Iterable[tuple[str, str, str]]) -> Layout:
    """``edges`` are (what came, how, from what); those with an end that is no node are left out."""
    known = set(nodes)
    kept = [edge for edge in edges if edge[0] in known and edge[2] in known and edge[0] != edge[2]]
    rows = _ordered(_rows(nodes, kept), kept)
    width = max((len(row) for row in rows), default=0) * (BOX_WIDTH + _GAP_X) - _GAP_X + 2 * _EDGE
    boxes = {
        node: Box(node, _EDGE + _indent(row, width) + at * (BOX_WIDTH + _GAP_X), _EDGE + down * _row_height())
        for down, row in enumerate(rows)
        for at, node in enumerate(row)
    }
    lines = tuple(_line(boxes[above], boxes[below], how) for below, how, above in kept)
    height = len(rows) * _row_height() - _GAP_Y + 2 * _EDGE
    return Layout(tuple(boxes.values()), lines, max(width, 0), max(height, 0))


def _rows(nodes: Sequence[str], edges: Sequence[tuple[str, str, str]]) -> list[list[str]]:
    """By the longest way from what came from nothing; then each as far down as it can be, so that few lines
    pass a row by. A cycle, which there should not be, ends somewhere."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for below, _, above in edges:
            if depth[above] < len(nodes):
                depth[below] = max(depth[below], depth[above] + 1)
    for _ in nodes:
        nearest: dict[str, int] = {}
        for below, _, above in edges:
            nearest[above] = min(nearest.get(above, depth[below]), depth[below])
        depth |= {node: max(depth[node], child - 1) for node, child in nearest.items()}
    rows: dict[int, list[str]] = {}
    for node in nodes:
        rows.setdefault(depth[node], []).append(node)
    return [rows[down] for down in sorted(rows)]


def _ordered(rows: list[list[str]], edges: Sequence[tuple[str, str, str]]) -> list[list[str]]:
    """Each near what it belongs to, so that few lines cross."""
    beside: dict[str, list[str]] = {}
    for below, _, above in edges:
        beside.setdefault(below, []).append(above)
        beside.setdefault(above, []).append(below)
    places = {node: at / len(row) for row in rows for at, node in enumerate(row)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            row.sort(key=lambda node: _middle(node, beside, places))
            places |= {node: at / len(row) for at, node in enumerate(row)}
    return rows


def _middle(node: str, beside: Mapping[str, Sequence[str]], places: Mapping[str, float]) -> float:
    near = [places[each] for each in beside.get(node, ())]
    return sum(near) / len(near) if near else places[node]


def _indent(row: Sequence[str], width: int) -> int:
    return (width - 2 * _EDGE - len(row) * (BOX_WIDTH + _GAP_X) + _GAP_X) // 2


def _row_height() -> int:
    return BOX_HEIGHT + _GAP_Y


def _line(above: Box, below: Box, how: str) -> Line:
    x1, y1 = above.x + BOX_WIDTH // 2, above.y + BOX_HEIGHT
    x2, y2 = below.x + BOX_WIDTH // 2, below.y
    middle = (y1 + y2) // 2
    return Line(f"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}", how, (x1 + x2) // 2, middle)
