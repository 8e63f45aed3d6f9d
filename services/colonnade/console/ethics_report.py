"""A report of bias is begun, or its figures are shown."""

from nicegui import ui

from colonnade.client import BiasReport
from colonnade.console.drawing import dialog, facts, text
from colonnade.console.foot import Do, foot
from colonnade.console.intervals import draw_intervals
from colonnade.console.views.bias import figures_of, named, sets_of, state_of, version_of
from colonnade.console.views.formats import moment
from colonnade.console.visit import Visit, done
from colonnade.errors import InvalidArgument


async def begin_dialog(visit: Visit, changed: Do) -> None:
    async with visit.acting():
        models = await visit.load(lambda client: client.models.list())
        with visit.page.content, dialog("Begin a report") as opened:
            _begin(visit, sorted(each.name for each in models), opened, changed)


def _begin(visit: Visit, models: list[str], opened: ui.dialog, changed: Do) -> None:
    text("p", "The version is asked about groups of people, in the background; that keeps its engine busy.")
    model = ui.select(models, label="Model", value=models[0] if models else None, with_input=True)
    version = ui.number("Version", placeholder="the one that answers now", min=1, step=1)
    sets = ui.input("Sets, between commas", placeholder="builtin")

    async def begin() -> None:
        if not model.value:
            raise InvalidArgument(
                "choose a model; where there is none, import one under Models", field="model"
            )
        begun = await visit.client.bias.report(
            str(model.value), version=version_of(version.value), sets=sets_of(str(sets.value or ""))
        )
        opened.close()
        done(f"{named(begun)} is going to be asked.")
        await changed()

    foot(visit, opened, ("Begin it", begin, ""))


def report_dialog(report: BiasReport) -> None:
    with dialog(f"Bias of {named(report)}") as opened:
        opened.classes("wide-dialog")
        facts(
            [
                ("Sets", ", ".join(report.sets)),
                ("State", state_of(report)),
                ("Ended", moment(report.ended_at, "not yet")),
                ("Digest", report.digest),
            ]
        )
        for each in figures_of(report):
            draw_intervals(each)
        with ui.element("div").classes("line"):
            ui.button("Close", on_click=opened.close).props("outline")
