"""Takes docs/pictures/console: a running console in Chromium, at 1280 pixels light and dark, and at 390.

Starts a platform with the bundled model imported twice. Run with ``make console-pictures``.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect

from tests.harness.browser import Tab, chromium
from tests.harness.platform import eventually, free_port, running
from tests.harness.tiny_model import write_tiny_llama

FOLDER = Path(__file__).resolve().parents[1] / "pictures" / "console"
KEY = f"ck_{'example0' * 2}_{'x' * 43}"
MODEL = "smollm2-135m-instruct"
MOST_BYTES = 150_000
_WIDE, _NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (
        TemporaryDirectory() as models,
        running(
            "--console-port",
            str(port),
            COLONNADE_REGISTRY_IMPORT_ROOTS=models,
            COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
            COLONNADE_API_KEY=KEY,
        ) as platform,
        chromium() as browser,
    ):
        log = platform.home / "up.log"
        eventually(lambda: "Colonnade is ready" in log.read_text(), 300, "the bundled model answers")
        folder = write_tiny_llama(Path(models) / "demonstration")
        platform.command("models", "import", str(folder), "--name", MODEL, "--alias", "canary")
        platform.command("models", "alias", MODEL, "production", "1=90", "2=10")
        take(browser, f"http://127.0.0.1:{port}")


def take(browser: Browser, url: str) -> None:
    tab = Tab(browser, url, viewport=_WIDE, color_scheme="light")
    tab.page.goto("/sign-in")
    shoot(tab.page, "sign-in")
    tab.sign_in(KEY)
    tab.connected()
    playground(tab)
    shoot(tab.page, "playground")
    visit(tab, f"/models/{MODEL}", "model")
    visit(tab, "/keys", "keys")
    visit(tab, "/engines", "engines")
    tab.close()
    others(browser, url, "dark", _WIDE, lambda dark: visit(dark, "/usage", "usage-dark"))
    others(browser, url, "dark", _WIDE, lambda dark: answered(dark, "playground-dark"))
    others(browser, url, "light", _NARROW, lambda small: answered(small, "playground-390"))
    others(browser, url, "light", _NARROW, lambda small: visit(small, f"/models/{MODEL}", "model-390"))


def others(
    browser: Browser, url: str, scheme: str, size: dict[str, int], act: Callable[[Tab], object]
) -> None:
    tab = Tab(browser, url, viewport=size, color_scheme=scheme)
    tab.sign_in(KEY)
    tab.connected()
    act(tab)
    tab.close()


def playground(tab: Tab) -> None:
    """Two answers to one question, from one version: its weights are real, the other's are not."""
    choose(tab)
    tab.page.get_by_role("button", name="Side by side").click()
    choose(tab)
    ask(tab)


def choose(tab: Tab) -> None:
    """Version 1, for the newest of the conversations."""
    lane = tab.page.locator(".lane").last.get_by_label("Model")
    lane.fill(f"{MODEL}:1")
    option = tab.page.get_by_role("option", name=f"{MODEL}:1")
    option.click()
    expect(option).to_have_count(0)


def ask(tab: Tab) -> None:
    """Until every conversation has its answer."""
    tab.page.get_by_label("Longest answer (tokens)").fill("60")
    tab.ask("What is a colonnade?")
    expect(tab.page.locator(".lane .facts")).to_have_count(tab.page.locator(".lane").count())


def answered(tab: Tab, name: str) -> None:
    choose(tab)
    ask(tab)
    shoot(tab.page, name)


def visit(tab: Tab, path: str, name: str) -> None:
    shoot(tab.open(path), name)


def shoot(page: Page, name: str) -> None:
    page.evaluate("document.fonts.ready")
    picture = FOLDER / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    size = picture.stat().st_size
    assert size < MOST_BYTES, f"{picture.name} has {size} bytes; at most {MOST_BYTES}"


if __name__ == "__main__":
    main()
