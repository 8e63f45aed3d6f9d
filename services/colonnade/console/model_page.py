"""One model: what it is, where its aliases point, its versions, two of them side by side."""

from nicegui import ui

from colonnade.client import Model, Version
from colonnade.console.alias_bar import alias_bar
from colonnade.console.card import newest_card
from colonnade.console.comparison import LEAST, draw_comparison
from colonnade.console.drawing import Cell, empty, heading, panel, table, text
from colonnade.console.foot import Do
from colonnade.console.moving import move_dialog
from colonnade.console.rolling import roll_dialog
from colonnade.console.views.formats import amount, day, moment, number, short, size
from colonnade.console.views.links import version_link
from colonnade.console.views.rights import foreign
from colonnade.console.visit import Part, Visit


async def build_model(visit: Visit) -> None:
    name = str(visit.request.path_params["name"])
    heading(name, ("Models", "/models"))

    def draw(model: Model) -> None:
        if model.description:
            ui.label(model.description).classes("description")
        _aliases(visit, model, part.refresh)
        _versions(model)
        if model.versions:
            with panel(f"Card of version {model.versions[0].version}"):
                newest_card(visit, model.versions[0])
        if len(model.versions) >= LEAST:
            draw_comparison(visit, model)

    part: Part[Model] = Part(visit, lambda client: client.models.get(name), draw)
    await part.refresh()


def _aliases(visit: Visit, model: Model, changed: Do) -> None:
    """Where whoever is here may change the model, with what changes them."""
    refused = visit.why_not("PUT /models/{name}/aliases/{alias}", "Promoting a version") or foreign(
        visit.session.identity, model.tenant
    )
    with panel("Aliases"):
        if not model.aliases:
            empty(
                "No alias points to a version yet.",
                "Move production to one, and requests find the model by name.",
            )
        for alias in model.aliases:
            alias_bar(visit, model, alias, None if refused else changed)
        if refused:
            text("p", refused, "muted")
        elif model.versions:
            with ui.element("div").classes("line"):
                ui.button("Promote through a rollout", on_click=lambda: roll_dialog(visit, model))
                move = ui.button("Move an alias", on_click=lambda: move_dialog(visit, model, changed))
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
        lambda: text("span", day(version.created_at)).tooltip(moment(version.created_at)),
    )
