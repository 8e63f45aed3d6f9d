"""A version's card on a page."""

from nicegui import ui

from colonnade.client import Version
from colonnade.console.views.card import card_html
from colonnade.console.visit import Part, Visit


def card_of(visit: Visit, name: str, number: int) -> Part[str]:
    """What its author wrote, and what the platform knows; still to be refreshed for the first time."""
    return Part(visit, lambda client: client.models.card(name, number), draw_card)


def newest_card(visit: Visit, version: Version) -> None:
    """As soon as the page is there."""
    part = card_of(visit, version.name, version.version)
    ui.timer(0, part.refresh, once=True)


def draw_card(card: str) -> None:
    """The HTML that is made of it was let through an allow-list."""
    with ui.element("div").classes("card-text").props("role=region tabindex=0 aria-label=Card"):
        ui.html(card_html(card), sanitize=False)
