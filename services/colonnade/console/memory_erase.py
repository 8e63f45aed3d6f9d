"""A person is erased everywhere, once their name was typed; what became of it, and the receipt."""

from collections.abc import Callable, Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade
from colonnade.client.results.erasures import Erasure
from colonnade.console.drawing import Cell, dialog, table, text
from colonnade.console.foot import Do, foot
from colonnade.console.live import Live, piece
from colonnade.console.memory_erasure import steps_dialog
from colonnade.console.memory_whose import Whose
from colonnade.console.views.erasures import confirmed, names_others, receipt_of, state_of
from colonnade.console.views.formats import moment, short
from colonnade.console.visit import Visit, done

_WHY = 1000
_MOST = 30
_EVERY_SECONDS = 3.0
_HEADS = ("State", "", "Began", "Asked by", "Why", "Person's mark", "Erasure")


class Erasures:
    """Those who may see the tenant's see all of them, others the one that they began here."""

    def __init__(self, visit: Visit, whose: Whose) -> None:
        self._visit = visit
        self._whose = whose
        self._lists = not visit.why_not("GET /erasures", "Seeing erasures")
        self._begun: list[str] = []
        self._followed = False

    def draw(self) -> None:
        text(
            "p",
            "All that the platform holds of a person is erased for good, in every service; a signed receipt "
            "says so. What others wrote stays.",
        )
        if self._visit.offers("DELETE /subjects/{id}", "Erasing a person"):
            ui.button("Erase this person", on_click=self._ask).props("color=negative aria-haspopup=dialog")
        self._live: Live[Sequence[Erasure]] = Live(
            self._visit, self._load, lambda first: piece(_same, self._draw), over=_over
        )

    async def refresh(self) -> None:
        if self._followed:
            await self._live.refresh()
        else:
            self._followed = True
            await self._live.follow(_EVERY_SECONDS)

    async def _load(self, client: AsyncColonnade) -> Sequence[Erasure]:
        if self._lists:
            return await client.subjects.erasures(limit=_MOST)
        return [await client.subjects.erasure(each) for each in self._begun]

    def _ask(self) -> None:
        with self._visit.page.content:
            erase_dialog(self._visit, self._whose, self._keep, self.refresh)

    def _keep(self, erasure: Erasure) -> None:
        if erasure.id not in self._begun:
            self._begun.insert(0, erasure.id)

    def _draw(self, erasures: Sequence[Erasure]) -> None:
        if not erasures:
            told = "Nobody was erased yet." if self._lists else "What you begin here is shown here."
            text("p", told, "muted")
            return
        table("Erasures", _HEADS, map(self._row, erasures), whole=("State", "Began"))

    def _row(self, erasure: Erasure) -> tuple[Cell, ...]:
        return (
            state_of(erasure),
            lambda: self._acts(erasure),
            moment(erasure.began_at),
            erasure.asked_by,
            erasure.why,
            short(erasure.subject_mark),
            erasure.id,
        )

    def _acts(self, erasure: Erasure) -> None:
        with ui.element("div").classes("line tight"):
            steps = ui.button("Steps", on_click=lambda: self._steps(erasure))
            steps.props("flat dense aria-haspopup=dialog")
            steps.props["aria-label"] = f"Steps of {erasure.id}"
            if erasure.receipt is not None:
                receipt = ui.button("Receipt", on_click=lambda: _download(erasure)).props("flat dense")
                receipt.props["aria-label"] = f"Receipt of {erasure.id}"
            elif erasure.state == "done":
                fetch = ui.button("Receipt", on_click=lambda: self._fetch(erasure.id)).props("flat dense")
                fetch.props["aria-label"] = f"Receipt of {erasure.id}"

    async def _fetch(self, erasure_id: str) -> None:
        """Lists come without receipts."""
        async with self._visit.acting():
            _download(await self._visit.load(lambda client: client.subjects.erasure(erasure_id)))

    def _steps(self, erasure: Erasure) -> None:
        with self._visit.page.content:
            steps_dialog(self._visit, erasure.id)


def erase_dialog(visit: Visit, whose: Whose, keep: Callable[[Erasure], None], changed: Do) -> None:
    """The name is typed twice by those who may name others: once to say whom, once to confirm."""
    first = whose.subject or visit.session.identity.subject
    with dialog("Erase a person") as opened:
        whom = ui.input("Whom", value=first)
        whom.set_enabled(names_others(visit.session.identity))
        text("p", "It cannot be undone. Keys that were made for the person go too.", "notice")
        why = ui.textarea("Why (may be left empty)").props(f"autogrow maxlength={_WHY}")
        typed = ui.input("Type the name again to confirm").props("autocomplete=off")

        async def erase() -> None:
            subject = str(whom.value or "").strip()
            confirmed(subject, str(typed.value or "").strip())
            begun = await visit.client.subjects.erase(subject, why=str(why.value or "").strip() or None)
            opened.close()
            done("The erasure has begun.")
            keep(begun)
            await changed()

        foot(visit, opened, ("Erase for good", erase, "color=negative"), back="Keep everything")


def _download(erasure: Erasure) -> None:
    ui.download.content(receipt_of(erasure), f"receipt-{erasure.id}.json", "application/json")


def _same(erasures: Sequence[Erasure]) -> list[Erasure]:
    return list(erasures)


def _over(erasures: Sequence[Erasure]) -> bool:
    return all(each.state == "done" for each in erasures)
