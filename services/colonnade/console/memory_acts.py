"""What may be done to a memory: a vote, a pin, another weight, and forgetting it."""

from nicegui import ui

from colonnade.client import Memory
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, asking, foot
from colonnade.console.memory_whose import Whose
from colonnade.console.views.memories import goes_with, shortened
from colonnade.console.visit import Visit, done
from colonnade.errors import InvalidArgument


class MemoryActs:
    """``changed`` follows whatever was done."""

    def __init__(self, visit: Visit, whose: Whose, memory: Memory, changed: Do) -> None:
        self._visit = visit
        self._whose = whose
        self._memory = memory
        self._changed = changed

    def draw(self) -> None:
        refusal = ui.element("div")
        votes: tuple[tuple[str, Do], ...] = (
            ("Useful", lambda: self._rate(useful=True)),
            ("Of no use", lambda: self._rate(useful=False)),
            ("Unpin" if self._memory.pinned else "Pin", self._pin),
        )
        with ui.element("div").classes("line acts").props("role=group") as group:
            for label, act in votes:
                asking(self._visit, refusal, label, act).props("flat dense")
            ui.button("Weigh", on_click=self._weigh).props("flat dense aria-haspopup=dialog")
            ui.button("Forget", on_click=self._forget).props("flat dense color=negative aria-haspopup=dialog")
        group.props["aria-label"] = f"What you may do to: {shortened(self._memory.text)}"

    async def _rate(self, *, useful: bool) -> None:
        await self._visit.client.memory.rate(self._memory.id, useful, subject=self._whose.subject)
        await self._changed()

    async def _pin(self) -> None:
        memory = self._visit.client.memory
        await memory.revise(self._memory.id, pinned=not self._memory.pinned, subject=self._whose.subject)
        await self._changed()

    def _weigh(self) -> None:
        with self._visit.page.content:
            weigh_dialog(self._visit, self._whose, self._memory, self._changed)

    def _forget(self) -> None:
        with self._visit.page.content:
            forget_dialog(self._visit, self._whose, self._memory, self._changed)


def weigh_dialog(visit: Visit, whose: Whose, memory: Memory, changed: Do) -> None:
    with dialog("Weigh a memory") as opened:
        text("p", shortened(memory.text), "said muted")
        field = ui.number("Importance", value=memory.importance, min=0, max=1, step=0.1).props("autofocus")
        text("p", "From 0 to 1: what matters more fades later. Its text stays as it is.", "muted")

        async def weigh() -> None:
            if field.value is None:
                raise InvalidArgument("importance must be between 0 and 1", field="importance")
            weight = float(field.value)
            await visit.client.memory.revise(memory.id, importance=weight, subject=whose.subject)
            opened.close()
            await changed()

        foot(visit, opened, ("Weigh it so", weigh, ""))


def forget_dialog(visit: Visit, whose: Whose, memory: Memory, changed: Do) -> None:
    with dialog("Forget a memory") as opened:
        text("p", shortened(memory.text), "said")
        text("p", goes_with(memory), "notice")

        async def forget() -> None:
            await visit.client.memory.forget(memory.id, subject=whose.subject)
            opened.close()
            done("It is forgotten.")
            await changed()

        foot(visit, opened, ("Forget it", forget, "color=negative"), back="Keep it")
