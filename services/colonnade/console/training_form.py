"""Submits a recipe: an example to begin with, or the recipe of a job that was."""

from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from colonnade.client import AsyncColonnade
from colonnade.console.drawing import heading, text
from colonnade.console.foot import asking
from colonnade.console.views.links import job_link
from colonnade.console.views.recipes import EXAMPLE, place_of
from colonnade.console.visit import Part, Visit
from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge

_LEAST, _MOST = -100, 100


async def build_form(visit: Visit) -> None:
    heading("Submit a recipe", ("Training", "/training"))
    if not visit.admits("POST /training/jobs", "Submitting a recipe"):
        return
    like = visit.request.query_params.get("like", "")

    async def load(client: AsyncColonnade) -> str:
        return (await client.jobs.get(like)).recipe if like else EXAMPLE

    await Part(visit, load, lambda recipe: Form(visit, recipe).draw()).refresh()


class Form:
    """What is not right is said at the field that it is of."""

    def __init__(self, visit: Visit, recipe: str) -> None:
        self._visit = visit
        self._first = recipe

    def draw(self) -> None:
        text(
            "p",
            "A recipe says everything that decides the weights. It joins the queue; nothing waits for it.",
        )
        with ui.element("section").classes("panel form"):
            self._recipe = ui.textarea("Recipe (YAML)", value=self._first).classes("recipe-field wide")
            self._recipe.props("autogrow spellcheck=false")
            self._priority = ui.number("Priority (the highest goes first)", value=0, step=1).classes("short")
            self._priority.props(f"min={_LEAST} max={_MOST}")
            refusal = ui.element("div")
            with ui.element("div").classes("line"):
                asking(self._visit, refusal, "Submit", self._submit)
                ui.link("Back to the jobs", "/training")

    async def _submit(self) -> None:
        self._recipe.error = self._priority.error = None
        try:
            job = await self._visit.client.jobs.submit(
                str(self._recipe.value or ""), priority=_priority(self._priority.value)
            )
        except (InvalidArgument, TooLarge) as error:
            if not self._told(error):
                raise
            return
        ui.navigate.to(job_link(job.id))

    def _told(self, error: ColonnadeError) -> bool:
        """At its field; one that has no field here is told below."""
        field = str(error.details.get("field", ""))
        if field == "priority":
            _mark(self._priority, error.message)
        elif field == "recipe" or field.startswith("recipe."):
            place = place_of(str(self._recipe.value or ""), field)
            _mark(self._recipe, f"{error.message} ({place})" if place else error.message)
        else:
            return False
        return True


def _mark(field: ValidationElement[Any], message: str) -> None:
    field.error = message
    field.run_method("focus")


def _priority(said: object) -> int:
    if said is None:
        return 0
    if not isinstance(said, int | float) or said != int(said):
        raise InvalidArgument("priority must be a whole number", field="priority")
    return int(said)
