"""An alias of a model: what it means, since when, and how it goes away."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from colonnade.client import Alias, Model
from colonnade.console.drawing import dialog, shares, text
from colonnade.console.views.formats import moment
from colonnade.console.visit import Visit, done, inline

Changed = Callable[[], Awaitable[None]]


def alias_bar(visit: Visit, model: Model, alias: Alias, changed: Changed) -> None:
    with ui.element("div").classes("alias"):
        text("h3", alias.name)
        shares(alias.targets)
        moved = (
            f"revision {alias.revision}, moved {moment(alias.updated_at)} by {alias.updated_by or 'unknown'}"
        )
        text("p", moved, "muted")
        with ui.element("div").classes("line tight"):
            ui.link("Ask it", f"/?model={model.name}@{alias.name}")
            delete = ui.button("Delete", on_click=lambda: delete_dialog(visit, model, alias, changed))
            delete.props("flat dense color=negative").props["aria-label"] = f"Delete the alias {alias.name}"


def delete_dialog(visit: Visit, model: Model, alias: Alias, changed: Changed) -> None:
    with dialog("Delete an alias") as opened:
        text("p", f"Requests for {model.name}@{alias.name} are refused from the next one on.")
        if alias.name == "production":
            text("p", f"So are those that name just {model.name}.", "notice")
        text("p", "The versions stay, and the alias can be made anew.", "muted")
        refusal = ui.element("div")

        async def delete() -> None:
            refusal.clear()
            with refusal:
                async with visit.acting(inline):
                    await visit.client.models.delete_alias(model.name, alias.name)
                    opened.close()
                    done(f"{model.name}@{alias.name} is deleted.")
                    await changed()

        with ui.element("div").classes("line"):
            ui.button("Delete it", on_click=delete, color="negative")
            ui.button("Cancel", on_click=opened.close).props("outline")
