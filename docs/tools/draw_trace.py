"""Draws docs/pictures/trace.svg: one real request through a running platform, as its spans tell it.

Starts a platform with the bundled model and an OTLP endpoint, asks one question twice (the first warms
the caches) and draws the second. Run with ``make trace-picture``.
"""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

from tests.harness.collector import Collector, SpanRecord, collecting
from tests.harness.platform import eventually, running

PICTURE = Path(__file__).resolve().parents[1] / "pictures" / "trace.svg"
COLOURS = {"gateway": "#3b6ea5", "registry": "#7a5aa6", "inference": "#2f8f6b", "engine": "#c26a2d"}
FONT = 'font-family="sans-serif" font-size="12"'
LEFT, WIDTH, ROW, TOP = 330, 620, 24, 54


def capture() -> list[SpanRecord]:
    """The spans of one warm request."""
    question = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 16}
    with collecting() as (collector, endpoint), running(COLONNADE_OTLP_ENDPOINT=endpoint) as platform:
        log = platform.home / "up.log"
        eventually(lambda: "curl" in log.read_text(), 300, "the bundled model is imported")
        for wanted in (2, 3):  # the first is the platform's own, as it warms up
            with platform.client() as http:
                http.post("/generate", json=question | {"preset": "deterministic"}).raise_for_status()
            eventually(partial(_whole, collector, wanted), 30, "the spans arrive")
        return collector.trace_of("POST /generate")


def _whole(collector: Collector, wanted: int) -> bool:
    requests = sum(span.name == "POST /generate" for span in collector.spans)
    services = {span.service for span in collector.trace_of("POST /generate")}
    return requests >= wanted and {"gateway", "inference", "engine"} <= services


def draw(spans: Sequence[SpanRecord]) -> str:
    """A waterfall as SVG: one row a span, indented by depth, coloured by service."""
    ordered = _by_tree(spans)
    begin, end = min(s.start for s in spans), max(s.end for s in spans)
    scale = WIDTH / (end - begin)
    height = TOP + ROW * len(ordered) + 20
    rows = [_row(span, depth, index, begin, scale) for index, (span, depth) in enumerate(ordered)]
    legend = [
        f'<rect x="{20 + 130 * i}" y="12" width="12" height="12" fill="{colour}"/>'
        f'<text x="{38 + 130 * i}" y="22">{service}</text>'
        for i, (service, colour) in enumerate(COLOURS.items())
    ]
    total = f'<text x="{LEFT + WIDTH}" y="22" text-anchor="end">{1000 * (end - begin):.1f} ms in all</text>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="1040" height="{height}" {FONT}>',
            f'<rect width="1040" height="{height}" fill="#ffffff"/>',
            *legend, total, *rows, "</svg>", "",
        ]
    )  # fmt: skip


def _by_tree(spans: Sequence[SpanRecord], parent: str = "", depth: int = 0) -> list[tuple[SpanRecord, int]]:
    ordered = []
    for span in sorted((s for s in spans if s.parent_id == parent), key=lambda s: s.start):
        ordered += [(span, depth), *_by_tree(spans, span.span_id, depth + 1)]
    return ordered


def _row(span: SpanRecord, depth: int, index: int, begin: float, scale: float) -> str:
    y = TOP + ROW * index
    x, width = LEFT + (span.start - begin) * scale, max(1.5, (span.end - span.start) * scale)
    name = span.name.rsplit("/", 1)[-1] if span.name.startswith("/") else span.name
    colour = COLOURS.get(span.service, "#777")
    after = min(x + width, LEFT + WIDTH) + 5
    return (
        f'<text x="{20 + 12 * depth}" y="{y + 13}">{escape(name)}</text>'
        f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="15" rx="2" fill="{colour}"/>'
        f'<text x="{after:.1f}" y="{y + 13}" fill="#555">{1000 * (span.end - span.start):.1f} ms</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(capture()))
