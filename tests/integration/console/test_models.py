"""Models are imported, looked at, compared and promoted."""

import re

from playwright.sync_api import Page, expect

from tests.harness.browser import Tab
from tests.integration.console.conftest import Served


def import_(page: Page, source: str, name: str, description: str = "") -> None:
    page.get_by_role("button", name="Import a model").click()
    page.get_by_label("Source").fill(source)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Description (optional)").fill(description)
    page.get_by_role("button", name="Import", exact=True).click()


def test_a_model_is_imported_compared_and_promoted(tab: Tab, served: Served) -> None:
    page = tab.open("/models")
    import_(page, str(served.models / "one"), "fresh", "The first.\nSecond line.")
    page.wait_for_url("**/models/fresh")
    expect(page.get_by_text("The first.")).to_be_visible()
    expect(page.get_by_role("img", name="version 1 100 %")).to_be_visible()
    page = tab.open("/models")
    import_(page, str(served.models / "two"), "fresh")
    page.wait_for_url("**/models/fresh")
    tab.connected()
    expect(page.get_by_role("region", name="Versions")).to_contain_text("two")
    compared = page.get_by_role("region", name="Compared")
    expect(compared.get_by_role("row").filter(has_text=re.compile("^Digest"))).to_contain_text("differs")
    expect(compared.get_by_role("row").filter(has_text=re.compile("^Family"))).to_contain_text("same")
    promote(page)
    expect(page.get_by_role("img", name="version 2 100 %")).to_be_visible()
    expect(page.get_by_text("revision 2")).to_be_visible()


def promote(page: Page) -> None:
    """Version 2, which is the newest and so the one that is proposed."""
    page.get_by_role("button", name="Move an alias").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Version 1: 100 % now, 0 % then")).to_be_visible()
    expect(page.get_by_text("Version 2: 0 % now, 100 % then")).to_be_visible()
    page.get_by_role("button", name="Move it").click()


def test_whoever_was_slower_is_told(tab: Tab, served: Served) -> None:
    page = tab.open("/models/tiny")
    page.get_by_role("button", name="Move an alias").click()
    page.get_by_label("Share in percent").fill("10")
    page.get_by_role("button", name="Add a version").click()
    page.get_by_label("Share in percent").nth(1).fill("90")
    page.get_by_label("Version", exact=True).nth(1).click()
    page.get_by_role("option", name="Version 1").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("button", name="Move it")).to_be_visible()
    served.platform.command("models", "alias", "tiny", "production", "1")
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_text("Someone else was faster")).to_be_visible()


def test_shares_that_do_not_add_up_are_told(tab: Tab) -> None:
    page = tab.open("/models/tiny")
    page.get_by_role("button", name="Move an alias").click()
    page.get_by_label("Share in percent").fill("60")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("the shares add up to 60 %")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Preview")).to_have_count(0)


def test_a_source_that_is_not_there_is_told(tab: Tab, served: Served) -> None:
    page = tab.open("/models")
    import_(page, str(served.models / "nowhere"), "nothing")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("source does not exist")
    assert str(served.models) not in page.get_by_role("dialog").get_by_role("status").inner_text()


def test_a_search_narrows_the_list(tab: Tab) -> None:
    page = tab.open("/models")
    page.get_by_label("Search by name").fill("tin")
    expect(page.get_by_role("link", name="tiny", exact=True)).to_be_visible()
    page.get_by_label("Search by name").fill("no such model")
    expect(page.get_by_text("No model has that in its name")).to_be_visible()


def test_a_model_that_is_not_there_is_told(tab: Tab) -> None:
    page = tab.open("/models/nobody")
    expect(page.get_by_role("alert")).to_contain_text("There is no such thing")
