"""A policy as YAML: written, tested, tried on kept traffic, kept as a version, assigned."""

import asyncio
from collections.abc import Callable

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from colonnade.client import AsyncColonnade, DryRun, PolicyText, PolicyTrials, PutPolicy
from colonnade.console.drawing import heading, table, text
from colonnade.console.ethics_assign import assign_dialog
from colonnade.console.foot import Do, asking
from colonnade.console.views.formats import moment, short
from colonnade.console.views.links import policy_link
from colonnade.console.views.policies import (
    EXAMPLE,
    change_rows,
    place_of,
    run_told,
    trial_rows,
    trials_told,
)
from colonnade.console.visit import Part, Visit
from colonnade.errors import InvalidArgument, TooLarge

_TESTS = ("", "Side", "Expected", "Came", "Text")
_CHANGES = ("When", "Route", "Side", "Now", "Then", "Text")


async def build_policy(visit: Visit) -> None:
    asked = visit.request.query_params
    name, version = asked.get("name", ""), asked.get("version", "")
    heading(name or "Write a policy", ("Ethics", "/ethics"))
    if not visit.admits("GET /screening/policies/{name}", "Seeing policies"):
        return

    async def load(client: AsyncColonnade) -> PolicyText:
        if not name:
            return PolicyText("", "", EXAMPLE)
        return await client.screening.policy(name, version=version or None)

    await Part(visit, load, lambda found: Editor(visit, found).draw()).refresh()
    if name:
        await Part(
            visit, lambda client: _versions(client, name), lambda found: _draw_versions(name, found)
        ).refresh()


async def _versions(client: AsyncColonnade, name: str) -> list[tuple[str, str]]:
    """Each with when and by whom it was kept, newest first."""
    found = next((each for each in await client.screening.policies() if each.name == name), None)
    if found is None:
        return []
    return [
        (
            each.version,
            f"{moment(each.created_at)} by {each.by}" if each.created_at else "came with the platform",
        )
        for each in found.versions
    ]


def _draw_versions(name: str, versions: list[tuple[str, str]]) -> None:
    if len(versions) < 2:
        return
    text("h2", "Versions")
    with ui.element("ul"):
        for version, told in versions:
            with ui.element("li"):
                ui.link(short(version), policy_link(name, version))
                text("span", f" {told}", "muted")


class Editor:
    def __init__(self, visit: Visit, found: PolicyText) -> None:
        self._visit = visit
        self._found = found

    def draw(self) -> None:
        if self._found.version:
            since = (
                f", kept {moment(self._found.created_at)} by {self._found.by}"
                if self._found.created_at
                else ""
            )
            text("p", f"Version {short(self._found.version)}{since}.", "muted")
        with ui.element("section").classes("panel form"):
            self._yaml = ui.textarea("Policy (YAML)", value=self._found.yaml).classes("recipe-field wide")
            self._yaml.props("autogrow spellcheck=false")
            refusal = ui.element("div")
            with ui.element("div").classes("line"):
                self._button(refusal, "POST /screening/policies/test", "Test", "Trying a policy", self._test)
                self._button(refusal, "POST /screening/dry-runs", "Dry run", "A dry run", self._dry_run)
                self._button(
                    refusal,
                    "PUT /screening/policies/{name}",
                    "Save as a version",
                    "Keeping a policy",
                    self._save,
                )
                if self._found.version:
                    self._assign_button(self._found.name, self._found.version)
                ui.link("Back to the policies", "/ethics?tab=Policies")
            with ui.element("div").props("aria-live=polite"):
                self._box = ui.element("div").classes("results")

    def _button(self, refusal: ui.element, route: str, label: str, act: str, do: Do) -> None:
        lacks = self._visit.why_not(route, act)
        if lacks:
            text("span", lacks, "muted")
        else:
            asking(self._visit, refusal, label, do).props("" if label.startswith("Save") else "outline")

    def _assign_button(self, name: str, version: str) -> None:
        if self._visit.why_not("POST /screening/assignments", "Assigning a policy"):
            return

        async def assign() -> None:
            await assign_dialog(self._visit, name, version, _nothing)

        ui.button("Assign this version", on_click=assign).props("outline aria-haspopup=dialog")

    @property
    def _text(self) -> str:
        return str(self._yaml.value or "")

    async def _test(self) -> None:
        await self._told(self._tested)

    async def _tested(self) -> None:
        made = await self._visit.client.screening.test(self._text)
        self._show(lambda: _draw_trials(made))

    async def _dry_run(self) -> None:
        await self._told(self._run)

    async def _run(self) -> None:
        made = await self._visit.client.screening.dry_run(self._text)
        self._show(lambda: _draw_run(made))

    async def _save(self) -> None:
        await self._told(self._saved)

    async def _saved(self) -> None:
        """Its tests tell its name as well; one that fails them is not kept."""
        made = await self._visit.client.screening.test(self._text)
        if made.failed:
            self._show(lambda: _draw_trials(made, "It is not kept: each of its tests has to pass."))
            return
        kept = await self._visit.client.screening.put(made.name, self._text)
        self._show(lambda: self._draw_kept(kept))

    def _draw_kept(self, kept: PutPolicy) -> None:
        said = "is kept" if kept.is_new else "means what is there already"
        text(
            "p",
            f"{kept.name}, version {short(kept.version)}, {said}. It judges nothing before it is assigned.",
        )
        self._assign_button(kept.name, kept.version)

    def _show(self, draw: Callable[[], object]) -> None:
        self._box.clear()
        with self._box:
            draw()

    async def _told(self, act: Do) -> None:
        """What is not right is said at the field, with its line."""
        self._yaml.error = None
        self._box.clear()
        try:
            await act()
        except (InvalidArgument, TooLarge) as error:
            field = str(error.details.get("field", ""))
            place = await asyncio.to_thread(place_of, self._text, field)
            self._yaml.error = f"{error.message} ({place})" if place else error.message
            self._yaml.run_method("focus")


async def _nothing() -> None:
    """The page has nothing that an assignment changes."""


def _draw_trials(made: PolicyTrials, told: str = "") -> None:
    if told:
        text("p", told, "notice").props("role=alert")
    text("p", trials_told(made), "state-of failed-word" if made.failed else "state-of")
    if made.outcomes:
        table("Tests", _TESTS, trial_rows(made))


def _draw_run(made: DryRun) -> TextElement:
    if made.changed:
        table("What would be otherwise", _CHANGES, change_rows(made), whole=("When",))
    return text("p", run_told(made), "state-of")
