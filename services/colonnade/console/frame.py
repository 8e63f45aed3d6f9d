"""What every page has around it: the skip link, the head, the navigation, the theme, the way out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nicegui import ui

from colonnade.client import Identity
from colonnade.console.drawing import facts, text
from colonnade.console.places import Place
from colonnade.console.refusals import Refused
from colonnade.console.theme import COOKIE, after, theme_of
from colonnade.console.views.rights import facts_of
from colonnade.console.visit import Visit, note

_DARK = {"system": None, "light": False, "dark": True}
_YEAR = 31_536_000
_FAULT = Refused("Something went wrong", "it is a fault of ours.", "Look at: colonnade logs console")


@contextmanager
def framed(visit: Visit, place: Place, places: Sequence[Place]) -> Iterator[None]:
    """Inside it the page itself is built. Those below a place have a heading of their own."""
    ui.on_exception(lambda: note(_FAULT))
    ui.colors(primary="#3451b2", negative="#b3261e", positive="#1b6e3c")
    with ui.element("div").classes("shell"):
        _head(visit)
        _navigation(place, places)
        with ui.element("div").classes("content") as content:
            if visit.open:
                _without_keys(place)
            if visit.request.url.path == place.path:
                text("h1", place.title)
            yield
    ui.skip_link("Skip to content", target=content)


def _head(visit: Visit) -> None:
    with ui.element("header").classes("top"):
        with ui.element("a").props("href=/ aria-label='Colonnade, to the playground'").classes("brand"):
            ui.element("img").props("src=/assets/icon.svg alt='' width=28 height=28")
            text("span", "Colonnade")
        ui.element("div").classes("fill")
        _theme_switch(visit)
        _account(visit.session.identity)
        if visit.open:
            ui.label("no sign-in needed").classes("muted who")
            return
        with ui.element("form").props("method=post action=/sign-out"):
            text("button", "Sign out", "quiet").props("type=submit")


def _account(who: Identity) -> None:
    """As whom one is signed in."""
    button = ui.button(f"{who.tenant}/{who.subject}").classes("quiet who")
    button.props("flat dense aria-haspopup=dialog")
    button.props["aria-label"] = f"Account: {button.text}"
    with button, ui.menu().props("role=dialog aria-label=Account"):
        facts(facts_of(who))


def _theme_switch(visit: Visit) -> None:
    dark = ui.dark_mode(_DARK[theme_of(visit.request.headers)])
    now = theme_of(visit.request.headers)

    def switch() -> None:
        nonlocal now
        now = after(now)
        dark.value = _DARK[now]
        button.text = f"Theme: {now}"
        ui.run_javascript(f"document.cookie='{COOKIE}={now}; path=/; max-age={_YEAR}; samesite=strict'")

    button = ui.button(f"Theme: {now}", on_click=switch).props("flat dense no-caps").classes("quiet")


def _navigation(here: Place, places: Sequence[Place]) -> None:
    with ui.element("nav").props("aria-label=Pages").classes("places"):
        for place in places:
            link = ui.link(place.title, place.path).classes("coming" if place.coming else "")
            if place is here:
                link.classes("here").props("aria-current=page")


def _without_keys(place: Place) -> None:
    with ui.element("p").classes("notice").props("role=note"):
        ui.label(
            "There are no API keys yet: everybody on this machine may do everything, and nobody else may do "
            "anything. The first key that you make is an administrator's, and from then on one is needed."
        )
        if place.path != "/keys":
            ui.link("Make the first key", "/keys")
