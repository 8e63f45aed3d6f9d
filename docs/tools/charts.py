"""Charts as plain SVG on white ground: bars with quartiles, and lines over numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FONT = 'font-family="sans-serif" font-size="12"'
OURS, PEER, IDEAL = "#3b6ea5", "#a8a8a8", "#c26a2d"
_COLOURS = (OURS, IDEAL, "#2f8f6b", "#7a5aa6")
_LEFT, _WIDTH, _ROW = 250, 560, 26
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN = 640, 300, 70


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: float
    low: float
    high: float
    colour: str
    limit: float | None = None
    """Drawn as a mark."""


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """One bar a row, a thin line from quartile to quartile, a mark where the limit is."""
    most = max(max(row.high, row.limit or 0.0) for row in rows) or 1.0
    scale, height = _WIDTH / most, 60 + _ROW * len(rows)
    drawn = [_bar(row, 44 + _ROW * index, scale) for index, row in enumerate(rows)]
    return _picture(_LEFT + _WIDTH + 90, height, [_heading(f"{title} ({unit})"), *drawn])


def lines(title: str, x_label: str, y_label: str, drawn: Sequence[Line]) -> str:
    """Lines through their points, both axes from zero."""
    most_x = max(x for line in drawn for x, _ in line.points) or 1.0
    most_y = max(y for line in drawn for _, y in line.points) or 1.0
    across, up = _PLOT_WIDTH / most_x, _PLOT_HEIGHT / most_y
    parts = [_heading(title), *_axes(most_x, most_y, x_label, y_label)]
    for line, colour in zip(drawn, _COLOURS, strict=False):
        places = " ".join(
            f"{_MARGIN + x * across:.1f},{40 + _PLOT_HEIGHT - y * up:.1f}" for x, y in line.points
        )
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for line, colour, at_y in zip(drawn, _COLOURS, _apart(drawn, up), strict=False):
        parts.append(_text(_MARGIN + line.points[-1][0] * across + 6, at_y, line.name, colour))
    return _picture(_MARGIN + _PLOT_WIDTH + 130, _PLOT_HEIGHT + 100, parts)


def _apart(drawn: Sequence[Line], up: float) -> list[float]:
    """Where the lines' names stand: at their ends, a line of text below the one above."""
    ends = [40 + _PLOT_HEIGHT - line.points[-1][1] * up for line in drawn]
    places, free = [0.0] * len(ends), 52.0
    for index in sorted(range(len(ends)), key=ends.__getitem__):
        places[index] = max(ends[index], free)
        free = places[index] + 16
    return places


def short(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def _bar(row: Bar, y: int, scale: float) -> str:
    width, middle = max(1.0, row.value * scale), y + 9
    low, high = _LEFT + row.low * scale, _LEFT + row.high * scale
    parts = [
        _text(_LEFT - 8, y + 13, row.name, "#222", anchor="end"),
        f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="18" rx="2" fill="{row.colour}"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#222"/>',
    ]
    if row.limit is not None:
        at = _LEFT + row.limit * scale
        parts.append(f'<path d="M{at:.1f} {y - 2}v22" stroke="{IDEAL}" stroke-width="2"/>')
    parts.append(_text(max(high, _LEFT + width) + 6, y + 13, short(row.value), "#555"))
    return "".join(parts)


def _axes(most_x: float, most_y: float, x_label: str, y_label: str) -> list[str]:
    bottom, right = 40 + _PLOT_HEIGHT, _MARGIN + _PLOT_WIDTH
    parts = [
        f'<path d="M{_MARGIN} 40V{bottom}H{right}" fill="none" stroke="#222"/>',
        _text(_MARGIN + _PLOT_WIDTH / 2, bottom + 40, x_label, "#222", anchor="middle"),
        _text(_MARGIN - 6, 30, y_label, "#222", anchor="end"),
    ]
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _MARGIN + part * _PLOT_WIDTH, bottom - part * _PLOT_HEIGHT
        parts.append(_text(x, bottom + 18, short(part * most_x), "#555", anchor="middle"))
        parts.append(_text(_MARGIN - 6, y + 4, short(part * most_y), "#555", anchor="end"))
    return parts


def _heading(title: str) -> str:
    return f'<text x="20" y="16" font-weight="bold">{escape(title)}</text>'


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(width: int, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {FONT}>'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, ground, *parts, "</svg>", ""])
