"""Sessions that have not ended: their turns, their summaries, and how one ends."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import AsyncColonnade, Memory, Session
from colonnade.console.drawing import Cell, dialog, empty, table, text
from colonnade.console.foot import Do, foot
from colonnade.console.memory_whose import Whose
from colonnade.console.views.formats import moment, number
from colonnade.console.visit import Part, Visit, done

_MOST = 300
_MOST_TURNS = 200
_ENDING = "Its {turns} turns, what was kept for its task, and its summary are erased for good."
_HEADS = ("Session", "Turns", "Began", "Last turn", "Summary", "")


class Sessions:
    """The list; each is read and ended in a dialog."""

    def __init__(self, visit: Visit, whose: Whose) -> None:
        self._visit = visit
        self._whose = whose

    def draw(self) -> None:
        self._part: Part[Sequence[Session]] = Part(self._visit, self._load, self._show)

    async def refresh(self) -> None:
        await self._part.refresh()

    async def _load(self, client: AsyncColonnade) -> Sequence[Session]:
        return await client.memory.sessions(limit=_MOST, subject=self._whose.subject)

    def _show(self, sessions: Sequence[Session]) -> None:
        if not sessions:
            empty(
                "No session is remembered.",
                "A generation whose memory names a session, with remember, begins one: "
                "colonnade generate --session trip --remember",
            )
            return
        rows = [self._row(session) for session in sessions]
        table("Sessions", _HEADS, rows, right=("Turns",), whole=("Began", "Last turn"))

    def _row(self, session: Session) -> tuple[Cell, ...]:
        return (
            session.id,
            number(session.turns),
            moment(session.began_at, "unknown"),
            moment(session.last_at, "unknown"),
            lambda: text("div", session.summary or "none yet", "clamped"),
            lambda: self._acts(session),
        )

    def _acts(self, session: Session) -> None:
        with ui.element("div").classes("line tight"):
            for label, act, props in (
                ("Read", self._read, ""),
                ("End", self._end, "color=negative"),
            ):
                button = ui.button(label, on_click=lambda act=act: act(session)).props(f"flat dense {props}")
                button.props["aria-label"] = f"{label} the session {session.id}"

    def _read(self, session: Session) -> None:
        with self._visit.page.content:
            read_dialog(self._visit, self._whose, session)

    def _end(self, session: Session) -> None:
        with self._visit.page.content:
            end_dialog(self._visit, self._whose, session, self.refresh)


def read_dialog(visit: Visit, whose: Whose, session: Session) -> None:
    """Its summary, and its turns in the order in which they were said."""

    async def load(client: AsyncColonnade) -> Sequence[Memory]:
        turns = await client.memory.list(
            limit=_MOST_TURNS, kinds=["turn"], session=session.id, subject=whose.subject
        )
        return turns[::-1]

    with dialog("A session") as opened:
        text("h3", session.id)
        if session.summary:
            text("p", session.summary, "said description")
        part: Part[Sequence[Memory]] = Part(visit, load, _turns)
        ui.timer(0, part.refresh, once=True)
        with ui.element("div").classes("line"):
            ui.button("Close", on_click=opened.close).props("outline")


def _turns(turns: Sequence[Memory]) -> None:
    if not turns:
        text("p", "Its turns have faded.", "muted")
    if len(turns) == _MOST_TURNS:
        text("p", f"The latest {_MOST_TURNS} turns.", "muted")
    with ui.element("div").classes("passage").props("tabindex=0 role=region aria-label=Turns"):
        for turn in turns:
            text("h4", f"{turn.role or 'said'}, {moment(turn.happened_at or turn.created_at)}", "speaker")
            text("p", turn.text, "said")


def end_dialog(visit: Visit, whose: Whose, session: Session, changed: Do) -> None:
    with dialog("End a session") as opened:
        text("p", session.id, "said state-of")
        text(
            "p", f"Its {number(session.turns)} turns, what was kept for its task, and its summary are erased."
        )

        async def end() -> None:
            gone = await visit.client.memory.end_session(session.id, subject=whose.subject)
            opened.close()
            done(f"It has ended; {number(gone)} memories are forgotten.")
            await changed()

        foot(visit, opened, ("End it", end, "color=negative"), back="Let it go on")
