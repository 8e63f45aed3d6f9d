"""Two versions side by side: their facts, files and configurations, what was measured of them, their tags."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui import ui

from colonnade.client import AsyncColonnade, Model, VersionDetail
from colonnade.console.drawing import Cell, panel, table, text
from colonnade.console.views.formats import short
from colonnade.console.views.said import (
    CONFIG,
    MAX_CONFIG_BYTES,
    change_of,
    compare_metrics,
    compare_settings,
    compare_tags,
)
from colonnade.console.views.versions import Compared, compare
from colonnade.console.visit import Part, Visit

LEAST = 2


@dataclass(frozen=True, slots=True)
class _Read:
    """A version, and its ``config.json``: empty where it has none."""

    version: VersionDetail
    config: bytes


_Both = tuple[_Read, _Read]


def draw_comparison(visit: Visit, model: Model) -> None:
    """Of ``LEAST`` versions or more; at first the newest two."""
    labels = {version.version: f"Version {version.version}" for version in model.versions}
    newest, before = list(labels)[:2]
    with panel("Compare two versions"):
        with ui.element("div").classes("line"):
            one = ui.select(labels, label="One", value=before)
            other = ui.select(labels, label="The other", value=newest)

        async def load(client: AsyncColonnade) -> _Both:
            mine, theirs = int(one.value), int(other.value)
            return await _read(client, model.name, mine), await _read(client, model.name, theirs)

        with ui.element("div").props("aria-live=polite"):
            part: Part[_Both] = Part(visit, load, _draw)
        one.on_value_change(part.refresh)
        other.on_value_change(part.refresh)
        ui.timer(0, part.refresh, once=True)


async def _read(client: AsyncColonnade, name: str, number: int) -> _Read:
    version = await client.models.version(name, number)
    sizes = {each.path: each.size_bytes for each in version.artefacts}
    if not 0 < sizes.get(CONFIG, 0) <= MAX_CONFIG_BYTES:
        return _Read(version, b"")
    return _Read(version, b"".join([piece async for piece in client.drafts.read(name, number, CONFIG)]))


def _draw(both: _Both) -> None:
    one, other = both[0].version, both[1].version
    heads = (f"Version {one.version}", f"Version {other.version}")
    _table("Compared", "Fact", heads, compare(one, other))
    if settings := compare_settings(both[0].config, both[1].config):
        text("h3", "What their configurations differ in")
        _table("Configurations compared", "Setting", heads, settings)
    if metrics := compare_metrics(one.metrics, other.metrics):
        text("h3", "Metrics")
        _table("Metrics compared", "Metric", heads, metrics, change_of)
    if tags := compare_tags(one.tags, other.tags):
        text("h3", "Tags")
        _table("Tags compared", "Tag", heads, tags)


def _table(
    caption: str,
    what: str,
    heads: Sequence[str],
    rows: Sequence[Compared],
    change: Callable[[Compared], str] = lambda row: "",
) -> None:
    with ui.element("div").classes("alike"):
        table(caption, (what, *heads, ""), [_row(row, change(row)) for row in rows])


def _row(row: Compared, change: str) -> tuple[Cell, ...]:
    """What differs says so in words, not by its colour alone."""
    one, other = _shown(row.one), _shown(row.other)
    if not row.differs:
        return (row.fact, one, other, "same")
    told = f"differs {change}".strip()
    return (row.fact, one, other, lambda: text("span", told, "differs"))


def _shown(value: str) -> str:
    """A digest by its first letters: with all of them, what differs would stand past the edge."""
    return short(value) if value.startswith("sha256:") else value
