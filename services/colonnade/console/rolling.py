"""Begins a rollout: which version, to which alias, by which policy, and what that will ask of it."""

from collections.abc import Mapping

from nicegui import ui

from colonnade.client import AsyncColonnade, Model, Policy
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import foot
from colonnade.console.stages import draw_plan
from colonnade.console.views.links import rollout_link
from colonnade.console.visit import Part, Visit
from colonnade.errors import InvalidArgument

_PRODUCTION = "production"
_FIRST = "careful"
_WHY = 1000


class Rolling:
    """The form; the stages and gates of the chosen policy stand below it before anything begins."""

    def __init__(
        self,
        visit: Visit,
        model: Model,
        policies: Mapping[str, Policy],
        opened: ui.dialog,
        proposed: int | None,
    ) -> None:
        self._visit = visit
        self._model = model
        self._policies = policies
        self._opened = opened
        self._proposed = proposed

    def draw(self) -> None:
        text("p", "The version is judged, watched, and taken back by itself if it does not hold.", "muted")
        labels = {each.version: f"Version {each.version}" for each in self._model.versions}
        aliases = sorted({_PRODUCTION, *(alias.name for alias in self._model.aliases)})
        first = _FIRST if _FIRST in self._policies else next(iter(self._policies), None)
        with ui.element("div").classes("line"):
            self._version = ui.select(labels, label="Version", value=self._proposed)
            self._alias = ui.select(
                aliases, label="Alias, or a new name", value=_PRODUCTION, new_value_mode="add"
            )
        self._policy = ui.select(list(self._policies), label="Policy", value=first, on_change=self._preview)
        self._plan = ui.element("div").classes("plan").props("role=region aria-label='What it will do'")
        self._why = ui.textarea("Why").props(f"autogrow maxlength={_WHY}")
        self._preview()
        foot(self._visit, self._opened, ("Begin the rollout", self._start, ""))

    def _preview(self) -> None:
        self._plan.clear()
        policy = self._policies.get(str(self._policy.value))
        if policy is not None:
            with self._plan:
                text("p", policy.description)
                draw_plan(policy.plan)

    async def _start(self) -> None:
        why = str(self._why.value or "").strip()
        if not why:
            raise InvalidArgument("say why; it is kept with the rollout", field="why")
        if self._version.value is None:
            raise InvalidArgument("choose a version", field="version")
        begun = await self._visit.client.rollouts.start(
            self._model.name,
            int(self._version.value),
            alias=str(self._alias.value or ""),
            policy=str(self._policy.value),
            why=why,
        )
        ui.navigate.to(rollout_link(begun.id))


def _proposed(model: Model) -> int | None:
    """The newest version that production does not mean."""
    production = next((alias.targets for alias in model.aliases if alias.name == _PRODUCTION), ())
    meant = {target.version for target in production}
    numbers = [each.version for each in model.versions]
    return next((number for number in numbers if number not in meant), numbers[0] if numbers else None)


async def roll_dialog(visit: Visit, model: Model, version: int | None = None) -> None:
    """``version``: the one that is promoted, unless another is chosen."""

    async def load(client: AsyncColonnade) -> dict[str, Policy]:
        return {policy.name: policy for policy in await client.rollouts.policies()}

    with dialog(f"Promote a version of {model.name} through a rollout") as opened:
        proposed = version or _proposed(model)
        part: Part[dict[str, Policy]] = Part(
            visit, load, lambda found: Rolling(visit, model, found, opened, proposed).draw()
        )
    await part.refresh()
