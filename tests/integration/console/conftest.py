"""One platform with the console, two tiny models and a key, and one Chromium before it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.harness.browser import Tab, chromium
from tests.harness.platform import Platform, free_port, running
from tests.harness.tiny_model import write_tiny_llama

KEY = f"ck_{'a' * 16}_{'b' * 43}"


@dataclass(frozen=True)
class Served:
    """``models``: the folder that may be imported from."""

    platform: Platform
    console: str
    models: Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("one", "two", "three")):
        write_tiny_llama(folder / name, seed=seed)
    return folder


@pytest.fixture(scope="module")
def served(models: Path) -> Iterator[Served]:
    """One for each file: what a test imports or moves is the next one's first model."""
    port = free_port()
    with running(
        "--no-import",
        "--console-port",
        str(port),
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(models),
        COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
        COLONNADE_API_KEY=KEY,
        COLONNADE_MEMORY_ERASE_SETTLE_SECONDS="1",
    ) as platform:
        for source in ("one", "two"):
            platform.command("models", "import", str(models / source), "--name", "tiny")
        yield Served(platform, f"http://127.0.0.1:{port}", models)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer: while Playwright runs, its loop runs in this thread, and no test can have one."""
    with chromium() as started:
        yield started


@pytest.fixture
def new_tab(served: Served, browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Makes tabs; at the end none of them may have complained."""
    made: list[Tab] = []

    def make(**options: Any) -> Tab:
        made.append(Tab(browser, served.console, **{"viewport": {"width": 1280, "height": 900}, **options}))
        return made[-1]

    yield make
    for tab in made:
        tab.close()
    assert [complaint for tab in made for complaint in tab.complaints] == []


@pytest.fixture
def tab(new_tab: Callable[..., Tab]) -> Tab:
    """Signed in, at the playground."""
    made = new_tab()
    made.sign_in(KEY)
    made.connected()
    return made


@pytest.fixture
def browser_tab_that_may_complain(browser: Browser) -> Iterator[Tab]:
    """On a platform of its own, which turns this address away; a refusal is an error to Chromium."""
    port = free_port()
    with running(
        "--no-import", "--console-port", str(port),
        COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY, COLONNADE_CONSOLE_SIGN_INS_PER_MINUTE="3",
    ):  # fmt: skip
        tab = Tab(browser, f"http://127.0.0.1:{port}")
        yield tab
        tab.close()
