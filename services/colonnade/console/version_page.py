"""One version: its card and facts, what was said and measured of it, and what it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nicegui import ui

from colonnade.client import AsyncColonnade, Evaluation, Lineage, Metric, VersionDetail
from colonnade.console.card import draw_card
from colonnade.console.drawing import Cell, facts, heading, panel, table, text
from colonnade.console.picture import draw_graph
from colonnade.console.rolling import roll_dialog
from colonnade.console.views.lineage import dots_of, evaluation_rows
from colonnade.console.views.links import asking_link, model_link, rollout_link
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
    heading(f"{name}:{asked}", ("Models", "/models"), (name, model_link(name)))
    number = int(asked) if asked.isdecimal() else 0

    async def load(client: AsyncColonnade) -> Shown:
        version = await client.models.version(name, number)
        return Shown(version, await client.models.evaluations(name, number))

    def draw(shown: Shown) -> None:
        _said(shown.version)
        _acts(visit, name, number)
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
    meant = f"Meant by {', '.join(version.aliases)}." if version.aliases else "No alias means it."
    text("p", meant, "muted")


def _acts(visit: Visit, name: str, number: int) -> None:
    async def promote() -> None:
        async with visit.acting():
            model = await visit.load(lambda client: client.models.get(name))
            with visit.page.content:
                await roll_dialog(visit, model, number)

    with ui.element("div").classes("line"):
        ui.link("Ask it", asking_link(f"{name}:{number}"))
        if not visit.why_not("POST /rollouts", "Promoting it"):
            ui.button("Promote through a rollout", on_click=promote).props("outline")


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
        rows = [
            _evaluated(each, row) for each, row in zip(evaluations, evaluation_rows(evaluations), strict=True)
        ]
        table("Evaluations", _EVALUATIONS, rows, whole=("When",))
        return
    text("p", "It was not evaluated yet; a rollout's gates do it.", "muted")


def _evaluated(evaluation: Evaluation, row: Sequence[Cell]) -> tuple[Cell, ...]:
    suite, results, outcome, _, *rest = row
    return (suite, results, outcome, _origin(evaluation.origin), *rest)


def _origin(origin: str) -> Cell:
    return (lambda: ui.link("a rollout", rollout_link(origin))) if origin.startswith("ro_") else origin


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
