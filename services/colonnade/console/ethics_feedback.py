"""What people said of answers: what waits for a review first, who gave it, and what becomes of it."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, Feedback
from colonnade.console.drawing import dialog, empty, facts, text
from colonnade.console.foot import Do, foot
from colonnade.console.views.feedback import KINDS, STATES, facts_of, givers_of, parts_of, title_of
from colonnade.console.views.formats import number
from colonnade.console.visit import Part, Visit, done

_AT_ONCE = 30
_WHY = 1000


class Said:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._limit = _AT_ONCE
        self._lacks = visit.why_not("POST /feedback/{id}/review", "Reviewing feedback")

    def draw(self) -> None:
        if self._lacks:
            text("p", f"You see what you gave yourself. {self._lacks}", "muted")
        with ui.element("div").classes("line"):
            self._state = ui.select(dict(STATES), label="State", value="waiting", on_change=self._anew)
            self._kind = ui.select(dict(KINDS), label="Kind", value="", on_change=self._anew)
        self._part: Part[Sequence[Feedback]] = Part(self._visit, self._load, self._show)

    async def refresh(self) -> None:
        await self._part.refresh()

    async def _anew(self) -> None:
        self._limit = _AT_ONCE
        await self.refresh()

    async def _more(self) -> None:
        self._limit += _AT_ONCE
        await self.refresh()

    async def _load(self, client: AsyncColonnade) -> Sequence[Feedback]:
        """One more than is shown, which says whether there are more."""
        state, kind = str(self._state.value or ""), str(self._kind.value or "")
        return await client.feedback.list(state=state or None, kind=kind or None, limit=self._limit + 1)

    def _show(self, pieces: Sequence[Feedback]) -> None:
        if not pieces:
            empty("There is none of this kind.", "Thumbs below an answer in the playground give some.")
            return
        shown = pieces[: self._limit]
        text("p", "Given by:", "muted")
        facts((name, number(count)) for name, count in givers_of(shown))
        for each in shown:
            self._card(each)
        if len(pieces) > self._limit:
            text("p", f"The newest {self._limit}.", "muted")
            ui.button("Show more", on_click=self._more).props("outline")

    def _card(self, said: Feedback) -> None:
        with ui.element("article").classes("memory"):
            text("h3", title_of(said))
            for role, written in parts_of(said):
                text("h4", role, "speaker")
                shown = text("p", written, "said remembered").props("tabindex=0 role=region")
                shown.props["aria-label"] = role
            if said.comment:
                text("h4", "Comment", "speaker")
                text("p", said.comment, "said remembered")
            facts(facts_of(said))
            self._acts(said)

    def _acts(self, said: Feedback) -> None:
        with ui.element("div").classes("line acts").props("role=group") as group:
            group.props["aria-label"] = f"What you may do to it: {said.id}"
            if not self._lacks and said.state != "accepted":
                self._button("Accept", lambda: self._review(said, accept=True))
            if not self._lacks and said.state != "rejected":
                self._button("Reject", lambda: self._review(said, accept=False))
            if said.subject == self._visit.session.identity.subject:
                self._button("Take back", lambda: self._withdraw(said), "color=negative")

    def _button(self, label: str, act: Do, props: str = "") -> None:
        ui.button(label, on_click=act).props(f"flat dense aria-haspopup=dialog {props}")

    async def _review(self, said: Feedback, *, accept: bool) -> None:
        with self._visit.page.content:
            review_dialog(self._visit, said, self.refresh, accept=accept)

    async def _withdraw(self, said: Feedback) -> None:
        with self._visit.page.content:
            withdraw_dialog(self._visit, said, self.refresh)


def review_dialog(visit: Visit, said: Feedback, changed: Do, *, accept: bool) -> None:
    title = "Accept feedback" if accept else "Reject feedback"
    with dialog(title) as opened:
        text("p", f"{title_of(said)}, by {said.subject}", "said state-of")
        text(
            "p",
            "Models may learn from it."
            if accept
            else "No model learns from it. Reward models that did are erased.",
        )
        why = ui.textarea("Why (may be left empty)").props(f"autogrow autofocus maxlength={_WHY}")

        async def review() -> None:
            feedback = visit.client.feedback
            decide = feedback.accept if accept else feedback.reject
            await decide(said.id, why=str(why.value or "").strip() or None)
            opened.close()
            done("It is accepted." if accept else "It is rejected.")
            await changed()

        foot(visit, opened, (f"{title.partition(' ')[0]} it", review, "" if accept else "color=negative"))


def withdraw_dialog(visit: Visit, said: Feedback, changed: Do) -> None:
    with dialog("Take feedback back") as opened:
        text("p", title_of(said), "said state-of")
        text("p", "It is erased for good, with the reward models that learnt from it.", "notice")

        async def withdraw() -> None:
            await visit.client.feedback.withdraw(said.id)
            opened.close()
            done("It is erased.")
            await changed()

        foot(visit, opened, ("Take it back", withdraw, "color=negative"), back="Keep it")
