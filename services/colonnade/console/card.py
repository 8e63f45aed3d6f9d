"""A version's card on a page."""

from nicegui import ui

from colonnade.client import Version
from colonnade.console.views.card import card_html
from colonnade.console.visit import Part, Visit


def newest_card(visit: Visit, version: Version) -> None:
    """What its author wrote, and what the platform knows; as soon as the page is there."""
    part: Part[str] = Part(visit, lambda client: client.models.card(version.name, version.version), draw_card)
    ui.timer(0, part.refresh, once=True)


def draw_card(card: str) -> None:
    """The HTML that is made of it was let through an allow-list."""
    with ui.element("div").classes("card-text").props("role=region tabindex=0 aria-label=Card"):
        ui.html(card_html(card), sanitize=False)
