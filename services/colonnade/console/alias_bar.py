"""An alias of a model: what it means, since when, and how it goes away."""

from nicegui import ui

from colonnade.client import Alias, Model
from colonnade.console.drawing import dialog, shares, text
from colonnade.console.foot import Do, foot
from colonnade.console.views.formats import moment
from colonnade.console.views.links import asking_link
from colonnade.console.visit import Visit, done


def alias_bar(visit: Visit, model: Model, alias: Alias, changed: Do | None) -> None:
    """``changed``: what follows its deletion; None where nobody here may delete it."""
    with ui.element("div").classes("alias"):
        text("h3", alias.name)
        shares(alias.targets)
        moved = (
            f"revision {alias.revision}, moved {moment(alias.updated_at)} by {alias.updated_by or 'unknown'}"
        )
        text("p", moved, "muted")
        with ui.element("div").classes("line tight"):
            ui.link("Ask it", asking_link(f"{model.name}@{alias.name}"))
            if changed is not None:
                _delete(visit, model, alias, changed)


def _delete(visit: Visit, model: Model, alias: Alias, changed: Do) -> None:
    button = ui.button("Delete", on_click=lambda: delete_dialog(visit, model, alias, changed))
    button.props("flat dense color=negative").props["aria-label"] = f"Delete the alias {alias.name}"


def delete_dialog(visit: Visit, model: Model, alias: Alias, changed: Do) -> None:
    with dialog("Delete an alias") as opened:
        text("p", f"Requests for {model.name}@{alias.name} are refused from the next one on.")
        if alias.name == "production":
            text("p", f"So are those that name just {model.name}.", "notice")
        text("p", "The versions stay, and the alias can be made anew.", "muted")

        async def delete() -> None:
            await visit.client.models.delete_alias(model.name, alias.name)
            opened.close()
            done(f"{model.name}@{alias.name} is deleted.")
            await changed()

        foot(visit, opened, ("Delete it", delete, "color=negative"))
