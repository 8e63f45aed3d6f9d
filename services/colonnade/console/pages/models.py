"""The models of the registry, and each with its versions and aliases."""

from nicegui import ui

from colonnade.client import Model
from colonnade.console.drawing import Cell, empty, table, text
from colonnade.console.importing import import_dialog
from colonnade.console.model_page import build_model
from colonnade.console.places import Place
from colonnade.console.version_page import build_version
from colonnade.console.views.links import model_link
from colonnade.console.views.references import matching
from colonnade.console.visit import Part, Visit


async def build(visit: Visit) -> None:
    models: list[Model] = []

    def draw(loaded: list[Model]) -> None:
        models[:] = loaded
        if not models:
            empty(
                "No model is registered yet.",
                "Import one: a bundled one, or a folder on the platform's machine.",
            )
            return
        searched = ui.input("Search by name").props("clearable type=search").classes("search")
        found = ui.element("div").props("aria-live=polite")
        searched.on_value_change(lambda event: _list(found, matching(models, event.value or "")))
        _list(found, models)

    with ui.element("div").classes("line"):
        if visit.offers("POST /models/import", "Importing a model"):
            ui.button("Import a model", on_click=lambda: import_dialog(visit))
    await Part(visit, lambda client: client.models.list(), draw).refresh()


def _list(box: ui.element, models: list[Model]) -> None:
    box.clear()
    with box:
        if not models:
            text("p", "No model has that in its name. Search for less, or import it.", "muted")
            return
        heads = ("Model", "Family", "Size", "Newest", "Aliases", "Description")
        table("Models", heads, [_row(model) for model in models], right=("Newest",))


def _row(model: Model) -> tuple[Cell, ...]:
    aliases = ", ".join(alias.name for alias in model.aliases)
    return (
        lambda: ui.link(model.name, model_link(model.name)),
        model.family or "unknown",
        model.size_label or "-",
        str(model.latest_version),
        aliases or "none",
        lambda: text("div", model.description, "clamped"),
    )


_BELOW = {"/models/{name}": build_model, "/models/{name}/versions/{version}": build_version}
PLACE = Place("/models", "Models", 20, build, below=_BELOW)
