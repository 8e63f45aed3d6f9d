"""Making, rotating and revoking keys. A secret is on the page once, and nowhere in the console afterwards."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from colonnade.client import Key, NewKey
from colonnade.console.drawing import dialog, text
from colonnade.console.views.keys import GRACES, LIVES, ROLES, expiry
from colonnade.console.visit import Visit, done

Changed = Callable[[], Awaitable[None]]


def create_dialog(visit: Visit, changed: Changed) -> None:
    with dialog("Make a key") as opened:
        name = ui.input("Name, for people").props("autofocus maxlength=128")
        first = ["admin"] if visit.open else ["caller"]
        roles = ui.select(list(ROLES), label="Roles", value=first, multiple=True).props("use-chips")
        tenant = ui.input("Tenant", placeholder="your own")
        subject = ui.input("Subject", placeholder="any: each request says")
        life = ui.select(LIVES, label="Holds", value=90)

        async def create() -> None:
            async with visit.acting():
                made = await visit.client.keys.create(
                    str(name.value or ""), roles=list(roles.value), tenant=str(tenant.value or "") or None,
                    subject=str(subject.value or "") or None, expires_at=expiry(int(life.value)),
                )  # fmt: skip
                opened.close()
                show_once(visit, made, changed)

        _buttons("Make it", create, opened)


def rotate_dialog(visit: Visit, key: Key, changed: Changed) -> None:
    with dialog("Rotate a key") as opened:
        text("p", f"{key.name or key.id} gets a successor with the same rights and a new secret.")
        grace = ui.select(GRACES, label="The old one", value=3600)

        async def rotate() -> None:
            async with visit.acting():
                made = await visit.client.keys.rotate(key.id, grace_seconds=int(grace.value))
                opened.close()
                show_once(visit, made, changed)

        _buttons("Rotate it", rotate, opened)


def revoke_dialog(visit: Visit, key: Key, changed: Changed) -> None:
    with dialog("Revoke a key") as opened:
        text(
            "p",
            f"Whatever uses {key.name or key.id} ({key.id}) is refused from now on, for good.",
        )

        async def revoke() -> None:
            async with visit.acting():
                await visit.client.keys.revoke(key.id)
                opened.close()
                done(f"{key.id} is revoked.")
                await changed()

        _buttons("Revoke it", revoke, opened, colour="negative")


def show_once(visit: Visit, made: NewKey, changed: Changed) -> None:
    """Once the first key exists, an open session's calls are refused: its page leads to the sign-in."""
    with visit.page.content, dialog("Keep this key now") as opened:
        opened.props("persistent")
        text("p", "It is shown this once. The platform keeps only its hash.")
        secret = text("code", made.secret, "secret").props("tabindex=0")

        async def close() -> None:
            secret.text = ""
            opened.close()
            await changed()

        with ui.element("div").classes("line"):
            copy = ui.button("Copy")
            copy.on(
                "click",
                js_handler=f"() => navigator.clipboard.writeText(getHtmlElement({secret.id}).innerText)",
            )
            copy.on("click", lambda: done("Copied."))
            ui.button("I have kept it", on_click=close).props("outline")


def _buttons(label: str, act: Changed, opened: ui.dialog, colour: str = "primary") -> None:
    with ui.element("div").classes("line"):
        ui.button(label, on_click=act, color=colour)
        ui.button("Cancel", on_click=opened.close).props("outline")
