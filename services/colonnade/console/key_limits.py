"""The limits of a key: those of its own, changed all at once, or none, so that the defaults hold."""

from collections.abc import Mapping

from nicegui import ui

from colonnade.client import AsyncColonnade, Key, Limits
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import foot
from colonnade.console.views.limits import KINDS, quota_of
from colonnade.console.visit import Part, Visit, done
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

    async def save() -> None:
        quota = quota_of({name: field.value for name, field in fields.items()}, found)
        await visit.client.limits.set(quota, key=key.id)
        opened.close()
        done(f"The limits of {key.name or key.id} are set.")

    async def forget() -> None:
        await visit.client.limits.delete(key=key.id)
        opened.close()
        done(f"The defaults hold for {key.name or key.id}.")

    as_defaults = [] if found is None else [("As the defaults say", forget, "outline")]
    foot(visit, opened, ("Set them", save, ""), *as_defaults)
