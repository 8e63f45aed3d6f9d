"""API keys: who may call, made once and shown once, replaced, revoked."""

from nicegui import ui

from colonnade.client import Key
from colonnade.console.drawing import Cell, empty, table
from colonnade.console.key_dialogs import create_dialog, revoke_dialog, rotate_dialog
from colonnade.console.key_limits import limits_dialog
from colonnade.console.places import Place
from colonnade.console.views.formats import moment
from colonnade.console.views.keys import state_of
from colonnade.console.visit import Part, Visit


async def build(visit: Visit) -> None:
    def draw(keys: list[Key]) -> None:
        if not keys:
            empty(
                "There are no keys yet.",
                "The first one must be an administrator's; it ends the open state for good.",
            )
            return
        heads = ("Name", "Id", "Roles", "Tenant", "Subject", "State", "Made", "Expires", "Last used", "")
        table("API keys", heads, [row(key) for key in keys], whole=("Id", *heads[6:9]))

    def row(key: Key) -> tuple[Cell, ...]:
        def acts() -> None:
            if key.revoked_at is None:
                name = key.name or key.id
                with ui.element("div").classes("line tight"):
                    limits = ui.button("Limits", on_click=lambda: limits_dialog(visit, key))
                    rotate = ui.button("Rotate", on_click=lambda: rotate_dialog(visit, key, part.refresh))
                    revoke = ui.button("Revoke", on_click=lambda: revoke_dialog(visit, key, part.refresh))
                revoke.props("color=negative")
                for button in (limits, rotate, revoke):
                    button.props("flat dense")
                    button.props["aria-label"] = f"{button.text} {name}"

        return (
            key.name or "(no name)", key.id, ", ".join(key.roles), key.tenant, key.subject or "any",
            state_of(key), moment(key.created_at), moment(key.expires_at), moment(key.last_used_at), acts,
        )  # fmt: skip

    part: Part[list[Key]] = Part(visit, lambda client: client.keys.list(), draw)
    with ui.element("div").classes("line"):
        ui.button("Make a key", on_click=lambda: create_dialog(visit, part.refresh))
    await part.refresh()


PLACE = Place("/keys", "Keys", 40, build)
