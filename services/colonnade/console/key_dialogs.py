"""Making, rotating and revoking keys. A secret is on the page once, and nowhere in the console afterwards."""

from nicegui import ui
from nicegui.events import GenericEventArguments

from colonnade.client import Key, NewKey
from colonnade.console.drawing import dialog, text
from colonnade.console.foot import Do, foot
from colonnade.console.refusals import Refused
from colonnade.console.views.keys import GRACES, LIVES, ROLES, expiry
from colonnade.console.visit import Visit, done, note

_COPY = """() => (navigator.clipboard?.writeText(getHtmlElement(%d).innerText) ?? Promise.reject())
.then(() => emit(true), () => emit(false))"""
"""Over plain HTTP from elsewhere, browsers have no clipboard for pages."""
_NOT_COPIED = Refused("Not copied", "this browser does not let the page copy", "Select the key, and copy it.")


def create_dialog(visit: Visit, changed: Do) -> None:
    with dialog("Make a key") as opened:
        name = ui.input("Name, for people").props("autofocus maxlength=128")
        first = ["admin"] if visit.open else ["caller"]
        roles = ui.select(list(ROLES), label="Roles", value=first, multiple=True).props("use-chips")
        tenant = ui.input("Tenant", placeholder="your own")
        subject = ui.input("Subject", placeholder="any: each request says")
        life = ui.select(LIVES, label="Holds", value=90)

        async def create() -> None:
            made = await visit.client.keys.create(
                str(name.value or ""), roles=list(roles.value), tenant=str(tenant.value or "") or None,
                subject=str(subject.value or "") or None, expires_at=expiry(int(life.value)),
            )  # fmt: skip
            opened.close()
            show_once(visit, made, changed)

        foot(visit, opened, ("Make it", create, ""))


def rotate_dialog(visit: Visit, key: Key, changed: Do) -> None:
    with dialog("Rotate a key") as opened:
        text("p", f"{key.name or key.id} gets a successor with the same rights and a new secret.")
        grace = ui.select(GRACES, label="The old one", value=3600)

        async def rotate() -> None:
            made = await visit.client.keys.rotate(key.id, grace_seconds=int(grace.value))
            opened.close()
            show_once(visit, made, changed)

        foot(visit, opened, ("Rotate it", rotate, ""))


def revoke_dialog(visit: Visit, key: Key, changed: Do) -> None:
    with dialog("Revoke a key") as opened:
        text(
            "p",
            f"Whatever uses {key.name or key.id} ({key.id}) is refused from now on, for good.",
        )

        async def revoke() -> None:
            await visit.client.keys.revoke(key.id)
            opened.close()
            done(f"{key.id} is revoked.")
            await changed()

        foot(visit, opened, ("Revoke it", revoke, "color=negative"))


def show_once(visit: Visit, made: NewKey, changed: Do) -> None:
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
            ui.button("Copy").on("click", _copied, js_handler=_COPY % secret.id)
            ui.button("I have kept it", on_click=close).props("outline")


def _copied(event: GenericEventArguments) -> None:
    done("Copied.") if event.args else note(_NOT_COPIED)
