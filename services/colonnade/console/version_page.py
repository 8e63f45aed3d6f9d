"""One version: its card and facts, what was said and measured of it, and what it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nicegui import ui

from colonnade.client import AsyncColonnade, Evaluation, Lineage, Metric, VersionDetail
from colonnade.console.card import draw_card
from colonnade.console.drawing import facts, panel, table, text
from colonnade.console.picture import draw_graph
from colonnade.console.views.lineage import dots_of, evaluation_rows
from colonnade.console.views.said import metric_rows, signature_rows
from colonnade.console.views.versions import facts_of
from colonnade.console.visit import Part, Visit

_METRICS = ("Metric", "Value", "Step", "Data set")
_EVALUATIONS = ("Suite", "Results", "Outcome", "For", "By", "When")
_DIRECTIONS = {"upstream": "What it came from", "downstream": "What came from it", "both": "Both"}


@dataclass(frozen=True, slots=True)
class Shown:
    version: VersionDetail
    evaluations: Sequence[Evaluation]


async def build_version(visit: Visit) -> None:
    name, asked = (str(visit.request.path_params[each]) for each in ("name", "version"))
    text("p", f"{name}:{asked}", "subtitle")
    ui.link(f"The model {name}", f"/models/{name}")
    number = int(asked) if asked.isdecimal() else 0

    async def load(client: AsyncColonnade) -> Shown:
        version = await client.models.version(name, number)
        return Shown(version, await client.models.evaluations(name, number))

    def draw(shown: Shown) -> None:
        _said(shown.version)
        with panel("Card"):
            _card(shown.version.card)
        with panel("Evaluations"):
            _evaluations(shown.evaluations)
        with panel("Lineage"):
            lineage = _lineage(visit, f"{name}:{number}")
        _more(shown.version)
        ui.timer(0, lineage.refresh, once=True)

    await Part(visit, load, draw).refresh()


def _said(version: VersionDetail) -> None:
    if version.description:
        ui.label(version.description).classes("description")
    if version.aliases:
        text("p", f"Meant by {', '.join(version.aliases)}", "muted")


def _card(card: str) -> None:
    """Its author's; what the platform knows stands around it."""
    if card:
        draw_card(card)
        return
    text("p", "Nobody has written one for this version yet.", "muted")


def _more(version: VersionDetail) -> None:
    with panel("Metrics"):
        _metrics(version.metrics)
    with panel("Tags"):
        _tags(version.tags)
    with panel("Signature"):
        _signature(version.signature)
    with panel("Facts"):
        facts(facts_of(version))


def _metrics(metrics: Sequence[Metric]) -> None:
    if metrics:
        table("Metrics", _METRICS, metric_rows(metrics), right=("Value", "Step"))
        return
    text("p", "Nothing was measured yet.", "muted")


def _evaluations(evaluations: Sequence[Evaluation]) -> None:
    if evaluations:
        table("Evaluations", _EVALUATIONS, evaluation_rows(evaluations), whole=("When",))
        return
    text("p", "It was not evaluated yet; a rollout's gates do it.", "muted")


def _tags(tags: Mapping[str, str]) -> None:
    if tags:
        facts(sorted(tags.items()))
        return
    text("p", "It has no tags.", "muted")


def _signature(signature: Mapping[str, object]) -> None:
    if rows := signature_rows(signature):
        table("Signature", ("Part", "Name", "Type"), rows)
        return
    text("p", "Nothing is said of what goes in and comes out.", "muted")


def _lineage(visit: Visit, reference: str) -> Part[Lineage]:
    direction = ui.select(_DIRECTIONS, label="Show", value="both").classes("short")

    def draw(trace: Lineage) -> None:
        edges = [(edge.source, edge.relation, edge.target) for edge in trace.edges]
        draw_graph("Lineage", dots_of(trace.nodes, trace.roots), edges)
        if trace.truncated:
            text("p", "There is more than can be shown.", "muted")

    part: Part[Lineage] = Part(
        visit, lambda client: client.lineage.trace(reference, direction=str(direction.value)), draw
    )
    direction.on_value_change(part.refresh)
    return part
