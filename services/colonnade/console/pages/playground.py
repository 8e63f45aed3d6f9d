"""Ask a model, or two of them side by side, and see who answered, why it ended and how long it took."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from colonnade.client import AsyncColonnade
from colonnade.console.drawing import empty, text
from colonnade.console.lane import Lane
from colonnade.console.places import Place
from colonnade.console.views.references import Askable, askable
from colonnade.console.views.sampling import PRESETS, Sampling
from colonnade.console.visit import Part, Visit

_MOST_LANES = 2


class Playground:
    """The lanes that answer, and the one form that asks them all."""

    def __init__(self, visit: Visit, found: Askable, asked: str) -> None:
        self._visit = visit
        self._found = found
        self._asked = asked
        self._lacks = visit.why_not("POST /generate", "Asking a model")
        self._sampling = Sampling()
        self._lanes: list[Lane] = []
        self._running: list[asyncio.Task[None]] = []

    def draw(self) -> None:
        with ui.element("div").classes("playground").on("keydown.esc", self.stop):
            with ui.element("div").classes("talk"):
                self._lanes_box = ui.element("div").classes("lanes")
                self._add_lane(self._asked)
                self._draw_form()
            with ui.element("aside").props("aria-label='Sampling settings'"):
                settings_form(self._sampling)
        ui.keyboard(lambda event: self.stop() if event.key.escape else None, repeating=False)
        self._visit.page.on_delete(self.stop)

    def _draw_form(self) -> None:
        with ui.element("div").classes("ask"):
            self._prompt = ui.textarea("Prompt").props("autogrow autofocus").classes("wide")
            self._prompt.on("keydown.ctrl.enter.prevent", self.send)
            self._prompt.on("keydown.meta.enter.prevent", self.send)
            if self._lacks:
                text("p", self._lacks, "muted")
            with ui.element("div").classes("line"):
                self._send = ui.button("Send", on_click=self.send).props('aria-keyshortcuts="Control+Enter"')
                self._send.set_enabled(not self._lacks)
                self._stop = ui.button("Stop", on_click=self.stop).props('outline aria-keyshortcuts="Escape"')
                self._stop.disable()
                ui.button("New conversation", on_click=self._forget).props("flat")
                self._beside = ui.button("Side by side", on_click=self._switch_lanes).props("flat")
                text("span", "Ctrl+Enter sends, Esc stops", "muted fill-left keys")

    def _add_lane(self, reference: str = "") -> None:
        taken = self._lanes[0].reference if self._lanes else ""
        chosen = reference if reference in self._found.references else self._found.first(but=taken)
        with self._lanes_box:
            self._lanes.append(Lane(self._visit, self._found, chosen, len(self._lanes) + 1))

    def _switch_lanes(self) -> None:
        if len(self._lanes) < _MOST_LANES:
            self._add_lane()
        else:
            self._lanes.pop().delete()
        self._beside.text = "Side by side" if len(self._lanes) == 1 else "One model only"

    def _forget(self) -> None:
        for lane in self._lanes:
            lane.forget()

    async def send(self) -> None:
        """Asks every lane at once; returns when all have ended."""
        prompt = str(self._prompt.value or "")
        if self._running or self._lacks or not prompt.strip():
            return
        async with self._visit.acting():
            options = self._sampling.options()
            self._prompt.value = ""
            self._running = [
                asyncio.create_task(lane.ask(prompt, self._sampling, options)) for lane in self._lanes
            ]
            self._show_running(True)
            try:
                await asyncio.gather(*self._running)
            finally:
                self._running = []
                self._show_running(False)

    def stop(self) -> None:
        for task in self._running:
            task.cancel()

    def _show_running(self, running: bool) -> None:
        self._send.set_enabled(not running)
        self._stop.set_enabled(running)


def settings_form(sampling: Sampling) -> None:
    """Everything that is left empty has the platform's default."""
    text("h2", "Settings")
    number: Callable[..., ui.number] = partial(ui.number, placeholder="default")
    presets = {"": "none", **{name: name for name in PRESETS}}
    _kept(ui.select(presets, label="Preset"), sampling, "preset")
    _kept(number("Longest answer (tokens)", min=1, step=1), sampling, "max_tokens")
    _kept(number("Temperature", min=0, max=2, step=0.1), sampling, "temperature")
    _kept(number("Top p", min=0, max=1, step=0.05), sampling, "top_p")
    _kept(number("Top k", min=0, step=1), sampling, "top_k")
    _kept(number("Seed", min=0, step=1), sampling, "seed")
    _kept(ui.textarea("System prompt").props("autogrow"), sampling, "system")
    with ui.expansion("More").classes("wide more"):
        _kept(number("Min p", min=0, max=1, step=0.05), sampling, "min_p")
        _kept(number("Repetition penalty", min=0, step=0.1), sampling, "repetition_penalty")
        _kept(ui.textarea("Stop at (one a line)").props("autogrow"), sampling, "stop")
        _kept(ui.input("Token bias", placeholder="0=-100, 42=5"), sampling, "bias")
        _kept(ui.checkbox("Take kept answers"), sampling, "use_cache")
        _kept(ui.checkbox("As plain text, without chat template"), sampling, "plain")


def _kept(field: ValueElement[Any], sampling: Sampling, name: str) -> None:
    """What the field has is what ``sampling`` has. (Binding would look at all of them ten times a second.)"""
    field.value = getattr(sampling, name)
    field.on_value_change(lambda event: setattr(sampling, name, event.value))


async def build(visit: Visit) -> None:
    asked = visit.request.query_params.get("model", "")

    def draw(found: Askable) -> None:
        if found.references:
            Playground(visit, found, asked).draw()
            return
        empty(
            "There is no model that answers yet.",
            "Import one, a bundled one or one of your own, and come back.",
        )
        ui.link("Import a model", "/models")

    async def load(client: AsyncColonnade) -> Askable:
        return askable(await client.models.list(), asked)

    await Part(visit, load, draw).refresh()


PLACE = Place("/", "Playground", 10, build)
