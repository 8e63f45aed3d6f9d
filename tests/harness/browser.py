"""Debian's Chromium before the console, with an eye on what no page may do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

SECONDS = 30_000.0
"""Milliseconds, as Playwright counts: for slow machines, not waited out on others."""
_NOISE = frozenset({"log", "info", "debug", "time", "timeEnd"})


expect.set_options(timeout=SECONDS)


def executable() -> Path:
    found = shutil.which("chromium")
    assert found, "Chromium is missing; install it with: apt-get install -y chromium"
    return Path(found)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page that notes what went wrong: complaints on its console, faults, and requests to other hosts."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self._context = browser.new_context(base_url=url, **options)
        self._context.set_default_timeout(SECONDS)
        self._context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"fault: {error}"))
        self.page.on("request", self._asked)
        self.page.on("dialog", self._interrupted)
        self.page.on("websocket", lambda socket: self._reached(socket.url))

    def sign_in(self, key: str) -> None:
        self.page.goto("/sign-in")
        self.page.get_by_label("API key").fill(key)
        self.page.keyboard.press("Enter")

    def open(self, path: str) -> Page:
        """A page that has its socket: what is clicked from now on is heard."""
        self.page.goto(path)
        return self.connected()

    def connected(self) -> Page:
        self.page.wait_for_function("() => window.did_handshake === true")
        return self.page

    def ask(self, prompt: str) -> None:
        self.page.get_by_label("Prompt", exact=True).fill(prompt)
        self.page.keyboard.press("Control+Enter")

    def close(self) -> None:
        self._context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in _NOISE:
            self.complaints.append(f"{message.type}: {message.text}")

    def _interrupted(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        self._reached(request.url)

    def _reached(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"a request to {url}")
