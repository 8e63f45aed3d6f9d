"""One version: its facts, its card, what was said and measured of it, and what it came from."""

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from colonnade.client import AsyncColonnade, Evaluation, Lineage, Version
from colonnade.console.drawing import facts, panel, table, text
from colonnade.console.picture import draw_graph
from colonnade.console.views.lineage import dots_of, evaluation_rows
from colonnade.console.views.versions import facts_of
from colonnade.console.visit import Part, Visit
from colonnade.errors import NotFound

_EVALUATIONS = ("Suite", "Results", "Outcome", "For", "By", "When")
_DIRECTIONS = {"upstream": "What it came from", "downstream": "What came from it", "both": "Both"}


@dataclass(frozen=True, slots=True)
class Shown:
    version: Version
    evaluations: Sequence[Evaluation]


async def build_version(visit: Visit) -> None:
    name, number = (str(visit.request.path_params[each]) for each in ("name", "version"))
    text("p", f"{name}:{number}", "subtitle")

    async def load(client: AsyncColonnade) -> Shown:
        version = await _version(client, name, number)
        return Shown(version, await client.models.evaluations(name, version.version))

    part: Part[Shown] = Part(visit, load, _draw)
    await part.refresh()
    with panel("Lineage"):
        await _lineage(visit, f"{name}:{number}")
    ui.link(f"The model {name}", f"/models/{name}")


async def _version(client: AsyncColonnade, name: str, number: str) -> Version:
    for version in (await client.models.get(name)).versions:
        if str(version.version) == number:
            return version
    raise NotFound(f"model {name} has no version {number}", field="version")


def _draw(shown: Shown) -> None:
    with panel("Facts"):
        facts(facts_of(shown.version))
    with panel("Evaluations"):
        _evaluations(shown.evaluations)


def _evaluations(evaluations: Sequence[Evaluation]) -> None:
    if evaluations:
        table("Evaluations", _EVALUATIONS, evaluation_rows(evaluations), whole=("When",))
        return
    text("p", "It was not evaluated yet; a rollout's gates do it.", "muted")


async def _lineage(visit: Visit, reference: str) -> None:
    direction = ui.select(_DIRECTIONS, label="Show", value="both")
    direction.classes("short")

    def draw(trace: Lineage) -> None:
        edges = [(edge.source, edge.relation, edge.target) for edge in trace.edges]
        draw_graph("Lineage", dots_of(trace.nodes, trace.roots), edges)
        if trace.truncated:
            text("p", "There is more than can be shown.", "muted")

    part: Part[Lineage] = Part(
        visit, lambda client: client.lineage.trace(reference, direction=str(direction.value)), draw
    )
    direction.on_value_change(part.refresh)
    await part.refresh()
