"""The policies, where each judges and with what share, and how an assignment is taken back."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import Assignment, AsyncColonnade, ScreeningPolicy
from colonnade.console.drawing import Cell, panel, table, text
from colonnade.console.ethics_assign import assign_dialog, take_back_dialog
from colonnade.console.views.formats import number, short
from colonnade.console.views.links import policy_link
from colonnade.console.views.policies import holds_of, named, since_of, trial_of, uses_of, where
from colonnade.console.visit import Part, Visit

_ASSIGNMENTS = ("Route", "Judges", "On trial", "Shadow", "Since", "Why", "")
_POLICIES = ("Policy", "Latest", "Versions", "Judges", "What it is for", "")
_HELD = tuple[Sequence[ScreeningPolicy], Sequence[Assignment]]


class Policies:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._may_assign = not visit.why_not("POST /screening/assignments", "Assigning a policy")
        self._may_take = not visit.why_not("POST /screening/assignments/take-back", "Taking it back")

    def draw(self) -> None:
        visit = self._visit
        if visit.offers("POST /screening/policies/test", "Trying a policy"):
            ui.button("Write a policy", on_click=lambda: ui.navigate.to(policy_link()))
        visit.offers("POST /screening/assignments", "Keeping or assigning a policy")
        self._part: Part[_HELD] = Part(visit, self._load, lambda loaded: self._show(*loaded))

    async def refresh(self) -> None:
        await self._part.refresh()

    async def _load(self, client: AsyncColonnade) -> _HELD:
        return await client.screening.policies(), await client.screening.assignments()

    def _show(self, policies: Sequence[ScreeningPolicy], held: Sequence[Assignment]) -> None:
        with panel("What judges where"):
            if not held:
                text("p", "Nothing is assigned: the default policy judges on every route.", "muted")
            else:
                table("Assignments", _ASSIGNMENTS, map(self._held, held), whole=("Route",))
        with panel("Policies"):
            rows = [self._policy(each) for each in policies]
            table("Policies", _POLICIES, rows, right=("Versions",), whole=("Latest",))

    def _held(self, held: Assignment) -> tuple[Cell, ...]:
        return (
            where(held.route),
            holds_of(held),
            trial_of(held),
            named(held.shadow) or "none",
            since_of(held),
            held.why,
            lambda: self._taking(held),
        )

    def _taking(self, held: Assignment) -> None:
        if not self._may_take:
            return
        button = ui.button("Take back", on_click=lambda: self._take(held))
        button.props("flat dense color=negative aria-haspopup=dialog")
        button.props["aria-label"] = f"Take back what was assigned {where(held.route)}"

    def _take(self, held: Assignment) -> None:
        with self._visit.page.content:
            take_back_dialog(self._visit, held, self.refresh)

    def _policy(self, policy: ScreeningPolicy) -> tuple[Cell, ...]:
        return (
            lambda: ui.link(policy.name, policy_link(policy.name)).classes("named"),
            short(policy.version),
            number(max(1, len(policy.versions))),
            "\n".join(uses_of(policy)),
            policy.description,
            lambda: self._assigning(policy),
        )

    def _assigning(self, policy: ScreeningPolicy) -> None:
        if not self._may_assign:
            return
        button = ui.button("Assign", on_click=lambda: self._assign(policy))
        button.props("flat dense aria-haspopup=dialog")
        button.props["aria-label"] = f"Assign {policy.name}"

    async def _assign(self, policy: ScreeningPolicy) -> None:
        await assign_dialog(self._visit, policy.name, policy.version, self.refresh)
