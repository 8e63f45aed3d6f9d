"""One model: what it is, where its aliases point, its versions, two of them side by side."""

from nicegui import ui

from colonnade.client import Model, Version
from colonnade.console.alias_bar import alias_bar
from colonnade.console.card import newest_card
from colonnade.console.comparison import LEAST, draw_comparison
from colonnade.console.drawing import Cell, empty, panel, table, text
from colonnade.console.moving import move_dialog
from colonnade.console.rolling import roll_dialog
from colonnade.console.views.formats import amount, moment, number, short, size
from colonnade.console.views.lineage import version_link
from colonnade.console.visit import Part, Visit


async def build_model(visit: Visit) -> None:
    name = str(visit.request.path_params["name"])
    text("p", name, "subtitle")

    def draw(model: Model) -> None:
        ui.label(model.description).classes("description")
        _aliases(visit, model, part)
        _versions(model)
        if model.versions:
            with panel(f"Card of version {model.versions[0].version}"):
                newest_card(visit, model.versions[0])
        if len(model.versions) >= LEAST:
            draw_comparison(visit, model)

    part: Part[Model] = Part(visit, lambda client: client.models.get(name), draw)
    await part.refresh()
    ui.link("All models", "/models")


def _aliases(visit: Visit, model: Model, part: Part[Model]) -> None:
    with panel("Aliases"):
        if not model.aliases:
            empty(
                "No alias points to a version yet.",
                "Move production to one, and requests find the model by name.",
            )
        for alias in model.aliases:
            alias_bar(visit, model, alias, part.refresh)
        with ui.element("div").classes("line"):
            ui.button("Promote through a rollout", on_click=lambda: roll_dialog(visit, model))
            move = ui.button("Move an alias", on_click=lambda: move_dialog(visit, model, part.refresh))
            move.props("outline")


def _versions(model: Model) -> None:
    heads = ("Version", "Digest", "Family", "Parameters", "Context", "Files", "Source", "By", "When")
    with panel("Versions"):
        table(
            "Versions",
            heads,
            [_row(version) for version in model.versions],
            right=("Version", "Parameters", "Context"),
            whole=("Digest", "Files", "When"),
        )


def _row(version: Version) -> tuple[Cell, ...]:
    return (
        lambda: ui.link(str(version.version), version_link(version.name, version.version)),
        lambda: text("code", short(version.digest)).tooltip(version.digest),
        version.family + (f" {version.size_label}" if version.size_label else ""),
        amount(version.parameters),
        number(version.context_length),
        size(version.size_bytes),
        version.source or "unknown",
        version.created_by or "unknown",
        moment(version.created_at),
    )
