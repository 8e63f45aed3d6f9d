"""Thumbs below an answer: a vote at once, and what one wants to say beside it."""

from collections.abc import Sequence

from nicegui import ui

from colonnade.client import Generation
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, asking, foot
from colonnade.console.visit import Visit, done

_MOST = 2000
_VOTES = (("up", "Good answer"), ("down", "Bad answer"))


class Thumbs:
    """``said``: what was asked, which goes along only where somebody says so."""

    def __init__(
        self, visit: Visit, request_id: str, answer: Generation, said: Sequence[dict[str, str]]
    ) -> None:
        self._visit = visit
        self._request_id = request_id
        self._answer = answer
        self._said = said
        self._value = ""

    def draw(self) -> None:
        if self._visit.why_not("POST /feedback", "Giving feedback"):
            return
        refusal = ui.element("div")
        with ui.element("div").classes("line acts").props("role=group aria-label='What you say of it'"):
            for value, label in _VOTES:
                asking(self._visit, refusal, label, self._voting(value)).props("flat dense")
            self._given = text("span", "", "muted")
            self._more = ui.button("Say why", on_click=self._ask_why).props("flat dense aria-haspopup=dialog")
            self._more.set_visibility(False)

    def _voting(self, value: str) -> Do:
        async def vote() -> None:
            await self._give(value)

        return vote

    async def _give(self, value: str, comment: str = "", *, texts: bool = False) -> None:
        """The latest of a person on a request counts."""
        digest = self._answer.model.digest
        await self._visit.client.feedback.give(
            "thumb", value=value, request_id=self._request_id, version=digest or None,
            comment=comment or None, messages=self._said if texts else None,
            answer=self._answer.text.replace("\0", "") if texts else None,
        )  # fmt: skip
        self._value = value
        self._given.text = f"You said: {dict(_VOTES)[value].lower()}."
        self._more.set_visibility(True)

    def _ask_why(self) -> None:
        with self._visit.page.content, dialog("Say why") as opened:
            comment = ui.textarea("Why (may be left empty)").props(f"autogrow autofocus maxlength={_MOST}")
            texts = ui.checkbox("Send what was asked and answered along")
            text(
                "p",
                "Without, the vote alone is kept. With it, models may learn from it once it is accepted.",
                "muted",
            )

            async def send() -> None:
                said = str(comment.value or "").strip()
                await self._give(self._value, said, texts=bool(texts.value))
                opened.close()
                done("Thank you.")

            foot(self._visit, opened, ("Send it", send, ""))
