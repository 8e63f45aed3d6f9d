"""A policy is assigned, tried on a share, made a shadow, or taken back; each with a why."""

from nicegui import ui

from colonnade.client import Assignment
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, foot
from colonnade.console.views.formats import short
from colonnade.console.views.policies import (
    ALL,
    EVERYWHERE,
    HOW,
    SHARE,
    assignment_of,
    holds_of,
    trial_of,
    where,
)
from colonnade.console.visit import Visit, done
from colonnade.errors import Conflict, InvalidArgument

_WHY = 1000
_FIRST_SHARE = 10


async def assign_dialog(visit: Visit, name: str, version: str, changed: Do) -> None:
    """On what holds when it opens: where somebody was faster since, nothing is done, and the dialog says what
    holds now; asked again, it acts on that."""
    async with visit.acting():
        held = await visit.load(lambda client: client.screening.assignments())
        with visit.page.content, dialog(f"Assign {name}") as opened:
            _Assigning(visit, name, version, held, opened, changed).draw()


class _Assigning:
    def __init__(
        self, visit: Visit, name: str, version: str, held: list[Assignment], opened: ui.dialog, changed: Do
    ) -> None:
        self._visit = visit
        self._name = name
        self._version = version
        self._held = held
        self._opened = opened
        self._changed = changed

    def draw(self) -> None:
        text("p", f"Version {short(self._version)}.", "muted")
        self._route = ui.input("Route", value=EVERYWHERE).props("autofocus")
        text("p", "A path such as /generate; * is every route that has no policy of its own.", "muted")
        self._how = ui.select(dict(HOW), label="From then on", value=ALL, on_change=self._chosen)
        self._share = ui.number("Percent of the requests", value=_FIRST_SHARE, min=1, max=99, step=1)
        self._why = ui.textarea("Why").props(f"autogrow maxlength={_WHY}")
        self._now = text("p", "", "muted").props("role=status")
        self._chosen()
        foot(self._visit, self._opened, ("Assign it so", self._assign, ""))

    def _chosen(self) -> None:
        self._share.set_visibility(self._how.value == SHARE)

    async def _assign(self) -> None:
        route = str(self._route.value or "").strip()
        said = assignment_of(
            str(self._how.value),
            self._share.value,
            self._version,
            str(self._why.value or ""),
            self._held,
            route,
        )
        screening = self._visit.client.screening
        try:
            now = await screening.assign(route, self._name, **said)
        except Conflict:
            self._held = await screening.assignments()
            self._now.text = _told(self._held, route)
            raise
        self._opened.close()
        done(_told([now], route))
        await self._changed()


def take_back_dialog(visit: Visit, held: Assignment, changed: Do) -> None:
    with dialog("Take back an assignment") as opened:
        text("p", _told([held], held.route), "said state-of")
        text("p", "What held there before the last assignment holds again.")
        why = ui.textarea("Why").props(f"autogrow autofocus maxlength={_WHY}")

        async def take() -> None:
            said = str(why.value or "").strip()
            if not said:
                raise InvalidArgument("say why; it is kept with the assignment", field="why")
            now = await visit.client.screening.take_back(
                held.route, why=said, expected_revision=held.revision
            )
            opened.close()
            done(_told([now], held.route))
            await changed()

        foot(visit, opened, ("Take it back", take, "color=negative"), back="Leave it as it is")


def _told(held: list[Assignment], route: str) -> str:
    """What holds on a route."""
    for each in held:
        if each.route == route:
            trial = "" if each.candidate is None else f"; on trial: {trial_of(each)}"
            shadow = "" if each.shadow is None else f"; {each.shadow.name} is its shadow"
            return f"{where(route)}: {holds_of(each)} judges{trial}{shadow}."
    return f"{where(route)}: nothing is assigned."
