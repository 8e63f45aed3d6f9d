"""What holds for every page: nothing sideways, no other host, no complaint, light and dark, inert names."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.harness.browser import Tab
from tests.integration.console.conftest import KEY, Served
from tests.integration.console.naughty import STRINGS

PAGES = (
    "/", "/models", "/models/tiny", "/models/tiny/versions/1", "/keys", "/usage", "/engines", "/rollouts",
    "/training", "/memory", "/ethics", "/ethics/policy", "/operations",
)  # fmt: skip


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways_or_complains(new_tab: Callable[..., Tab], width: int) -> None:
    tab = new_tab(viewport={"width": width, "height": 844})
    tab.sign_in(KEY)
    tab.connected()
    for path in PAGES:
        page = tab.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_what_is_not_there_yet_says_so(tab: Tab) -> None:
    page = tab.open("/operations")
    expect(page.locator(".state")).to_contain_text("not part of this installation yet")
    expect(page.locator(".state")).to_contain_text("docs/operations.md")


def test_an_address_that_is_none_leads_on(browser_tab_that_may_complain: Tab) -> None:
    tab = browser_tab_that_may_complain
    tab.sign_in(KEY)
    tab.connected()
    page = tab.page
    page.goto("/modles")
    expect(page.get_by_text("There is no such page.")).to_be_visible()
    page.get_by_role("link", name="the models").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")


def brightness(tab: Tab) -> int:
    colour: str = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_system_until_told_otherwise(new_tab: Callable[..., Tab], scheme: str) -> None:
    tab = new_tab(color_scheme=scheme)
    tab.sign_in(KEY)
    tab.connected()
    dark = scheme == "dark"
    assert (brightness(tab) < 200) == dark
    other = "light" if dark else "dark"
    while tab.page.get_by_role("button", name=f"Theme: {other}").count() == 0:
        shown = tab.page.get_by_role("button", name="Theme:").inner_text()
        tab.page.get_by_role("button", name="Theme:").click()
        expect(tab.page.get_by_role("button", name="Theme:")).not_to_have_text(shown)
    tab.page.wait_for_function("(wanted) => document.body.classList.contains(`body--${wanted}`)", arg=other)
    tab.page.wait_for_function("(wanted) => document.cookie.includes(`colonnade_theme=${wanted}`)", arg=other)
    assert (brightness(tab) < 200) != dark
    tab.open("/usage")
    tab.page.wait_for_function("(wanted) => document.body.classList.contains(`body--${wanted}`)", arg=other)
    assert (brightness(tab) < 200) != dark, "it is remembered"


def test_naughty_names_and_descriptions_are_text(tab: Tab, served: Served) -> None:
    short = [each for each in STRINGS if len(each.encode()) <= 128 and each.isprintable()]
    lines = [each for each in STRINGS if each.isprintable()]
    described = {
        "source": str(served.models / "three"),
        "name": "naughty",
        "description": "\n".join(lines)[:1500],
    }
    with served.platform.client(authorization=f"Bearer {KEY}") as http:
        made = [http.post("/keys", json={"roles": ["caller"], "name": each}) for each in short]
        named = {each for each, answer in zip(short, made, strict=True) if answer.is_success}
        assert len(named) > 20, "most of them are allowed as names"
        assert http.post("/models/import", json=described).is_success
    assert named <= set(tab.open("/keys").locator("td div").all_text_contents())
    for path in ("/models", "/models/naughty"):
        assert "<script>alert(1)</script>" in (tab.open(path).locator("main").text_content() or "")
        assert tab.page.locator("iframe, details, main img[onerror], script[src*=evil]").count() == 0
