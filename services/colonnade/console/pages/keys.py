"""API keys: who may call, made once and shown once, replaced, revoked."""

from nicegui import ui

from colonnade.client import Key
from colonnade.console.drawing import Cell, empty, table, text
from colonnade.console.foot import Do
from colonnade.console.key_dialogs import create_dialog, revoke_dialog, rotate_dialog
from colonnade.console.key_limits import limits_dialog
from colonnade.console.places import Place
from colonnade.console.views.formats import day
from colonnade.console.views.keys import state_of
from colonnade.console.visit import Part, Visit

_HEADS = ("Name and id", "Roles", "For", "State", "Made", "Expires", "Last used", "")


async def build(visit: Visit) -> None:
    if not visit.admits("GET /keys", "Seeing keys"):
        return

    def draw(keys: list[Key]) -> None:
        if not keys:
            empty(
                "There are no keys yet.",
                "The first one must be an administrator's; it ends the open state for good.",
            )
            return
        table("API keys", _HEADS, [row(key) for key in keys], whole=_HEADS[4:7])

    def row(key: Key) -> tuple[Cell, ...]:
        return (
            lambda: _named(key), ", ".join(key.roles), f"{key.tenant}/{key.subject or 'any'}", state_of(key),
            day(key.created_at), day(key.expires_at), day(key.last_used_at),
            lambda: _acts(visit, key, part.refresh),
        )  # fmt: skip

    with ui.element("div").classes("line"):
        if visit.offers("POST /keys", "Making a key"):
            ui.button("Make a key", on_click=lambda: create_dialog(visit, part.refresh))
    part: Part[list[Key]] = Part(visit, lambda client: client.keys.list(), draw)
    await part.refresh()


def _named(key: Key) -> None:
    text("div", key.name or "(no name)")
    text("code", key.id, "muted")


def _acts(visit: Visit, key: Key, changed: Do) -> None:
    """What whoever is here may do to a key that still holds."""
    acts = {
        "Limits": ("PUT /limits/keys/{id}", lambda: limits_dialog(visit, key)),
        "Rotate": ("POST /keys/{id}/rotate", lambda: rotate_dialog(visit, key, changed)),
        "Revoke": ("DELETE /keys/{id}", lambda: revoke_dialog(visit, key, changed)),
    }
    if key.revoked_at is not None:
        return
    with ui.element("div").classes("line tight"):
        for label, (route, act) in acts.items():
            if not visit.why_not(route, label):
                button = ui.button(label, on_click=act).props("flat dense")
                button.props["aria-label"] = f"{label} {key.name or key.id}"
                if label == "Revoke":
                    button.props("color=negative")


PLACE = Place("/keys", "Keys", 40, build)
