"""The limits of a key: those of its own, changed all at once, or none, so that the defaults hold."""

from collections.abc import Mapping

from nicegui import ui

from colonnade.client import AsyncColonnade, Key, Limits
from colonnade.console.drawing import dialog, text
from colonnade.console.views.limits import KINDS, quota_of
from colonnade.console.visit import Part, Visit, done, inline
from colonnade.errors import NotFound


async def limits_dialog(visit: Visit, key: Key) -> None:
    async def load(client: AsyncColonnade) -> list[Limits]:
        """None of its own, or these."""
        try:
            return [await client.limits.get(key=key.id)]
        except NotFound:
            return []

    with dialog(f"Limits of {key.name or key.id}") as opened:
        text("p", "Empty: as the defaults say. 0: no limit. They hold from the next request on.", "muted")
        part: Part[list[Limits]] = Part(
            visit, load, lambda found: _form(visit, key, found[0] if found else None, opened)
        )
    await part.refresh()


def _form(visit: Visit, key: Key, found: Limits | None, opened: ui.dialog) -> None:
    fields: Mapping[str, ui.number] = {
        name: ui.number(told.capitalize(), value=getattr(found, name, None), min=0, step=1)
        for name, told in KINDS.items()
    }
    refusal = ui.element("div")

    async def save() -> None:
        refusal.clear()
        with refusal:
            async with visit.acting(inline):
                quota = quota_of({name: field.value for name, field in fields.items()}, found)
                await visit.client.limits.set(quota, key=key.id)
                opened.close()
                done(f"The limits of {key.name or key.id} are set.")

    async def forget() -> None:
        refusal.clear()
        with refusal:
            async with visit.acting(inline):
                await visit.client.limits.delete(key=key.id)
                opened.close()
                done(f"The defaults hold for {key.name or key.id}.")

    with ui.element("div").classes("line"):
        ui.button("Set them", on_click=save)
        if found is not None:
            ui.button("As the defaults say", on_click=forget).props("outline")
        ui.button("Cancel", on_click=opened.close).props("outline")
