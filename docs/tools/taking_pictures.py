"""What every picture of the console is taken with: who signs in, how large, how light, where it is kept."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.harness.browser import Tab

FOLDER = Path(__file__).resolve().parents[1] / "pictures" / "console"
KEY = f"ck_{'example0' * 2}_{'x' * 43}"
MOST_BYTES = 150_000
WIDE, TALL, NARROW = (
    {"width": 1280, "height": 860},
    {"width": 1280, "height": 1180},
    {"width": 390, "height": 844},
)


def others(
    browser: Browser, url: str, scheme: str, size: dict[str, int], act: Callable[[Tab], object]
) -> None:
    """In a tab of its own, signed in; ``scheme``: light or dark."""
    tab = Tab(browser, url, viewport=size, color_scheme=scheme)
    tab.sign_in(KEY)
    tab.connected()
    act(tab)
    tab.close()


def shoot(page: Page, name: str) -> None:
    page.evaluate("document.fonts.ready")
    picture = FOLDER / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    size = picture.stat().st_size
    assert size < MOST_BYTES, f"{picture.name} has {size} bytes; at most {MOST_BYTES}"
