"""One model's side of the playground: what it was asked, and its answers as they come."""

import asyncio
import time

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from colonnade.client import GenerateOptions, Generation
from colonnade.console.drawing import facts, text
from colonnade.console.refusals import Refused
from colonnade.console.thumbs import Thumbs
from colonnade.console.views.answers import facts_of
from colonnade.console.views.guarded import lines_of
from colonnade.console.views.references import Askable
from colonnade.console.views.sampling import Sampling
from colonnade.console.visit import Visit

_EVERY_SECONDS = 0.06
"""So often what has come is shown: more often nobody sees, and it costs as much as the answer is long."""


class Lane:
    def __init__(self, visit: Visit, found: Askable, reference: str, number: int) -> None:
        self._visit = visit
        self._found = found
        self._turns: list[tuple[str, str]] = []
        self._box = ui.element("section").classes("lane").props(f"aria-label='Conversation {number}'")
        with self._box:
            self._model = ui.select(
                list(found.references),
                label="Model",
                value=reference,
                with_input=True,
                new_value_mode=None if found.whole else "add-unique",
            ).classes("wide")
            with ui.element("div").classes("log").props("role=log aria-live=off tabindex=0"):
                self._log = ui.element("div")

    @property
    def reference(self) -> str:
        """Of the model that is chosen."""
        return str(self._model.value or "")

    def delete(self) -> None:
        self._box.delete()

    def forget(self) -> None:
        self._turns.clear()
        self._log.clear()

    async def ask(self, prompt: str, sampling: Sampling, options: GenerateOptions) -> None:
        """Never raises: what goes wrong is told below the answer, and what had come stays."""
        with self._log, ui.element("article").classes("turn"):
            text("h3", "You", "speaker")
            text("p", prompt, "said")
            text("h3", self.reference, "speaker")
            answer = text("p", "", "said answer waiting")
            below = ui.element("div").classes("below").props("role=status")
        heard: list[str] = []
        try:
            with below:
                async with self._visit.acting(self._refused):
                    options = {**options, **self._target()}
                    if not sampling.plain:
                        options["messages"] = sampling.messages(self._turns, prompt)
                    plain = prompt if sampling.plain else None
                    self._tell(await self._listen(plain, options, heard, answer), sampling, prompt)
        except asyncio.CancelledError:
            with below:
                text("p", "Stopped by you.", "muted")
        answer.classes(remove="waiting")
        answer.text = "".join(heard)
        self._turns.append((prompt, answer.text))

    async def _listen(
        self, prompt: str | None, options: GenerateOptions, heard: list[str], answer: TextElement
    ) -> tuple[str, Generation]:
        """The id of the request, and the whole answer."""
        shown = 0.0
        async with self._visit.client.stream(prompt, **options) as stream:
            async for chunk in stream:
                heard.append(chunk.text)
                if time.monotonic() - shown > _EVERY_SECONDS:
                    shown = time.monotonic()
                    answer.text = "".join(heard)
            return stream.request_id, stream.result

    def _tell(self, answered: tuple[str, Generation], sampling: Sampling, prompt: str) -> None:
        request_id, answer = answered
        facts(facts_of(answer))
        for line in lines_of(answer.guard):
            text("p", line, "notice")
        said = (
            [{"role": "user", "content": prompt}]
            if sampling.plain
            else sampling.messages(self._turns, prompt)
        )
        Thumbs(self._visit, request_id, answer, said).draw()

    def _target(self) -> GenerateOptions:
        if self._found.is_adapter(self.reference):
            return {"adapter": self.reference}
        return {"model": self.reference}

    def _refused(self, refused: Refused) -> None:
        text("p", f"{refused.title}: {refused.message}", "notice").props("role=alert")
        text("p", refused.next_step, "muted")
