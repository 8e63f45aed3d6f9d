"""Keys are made, shown once and revoked; what was asked is counted."""

import csv
import io

from playwright.sync_api import expect

from tests.harness.browser import Tab
from tests.integration.console.conftest import Served


def test_a_key_is_made_shown_once_and_revoked(tab: Tab, served: Served) -> None:
    page = tab.open("/keys")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name, for people").fill("web shop")
    page.get_by_role("button", name="Make it").dblclick()
    secret = page.locator("code.secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("button", name="I have kept it").click()
    made = page.get_by_role("row").filter(has_text="web shop")
    expect(made).to_have_count(1)
    expect(made).to_contain_text("valid")
    assert secret not in tab.open("/keys").content()
    with served.platform.client(authorization=f"Bearer {secret}") as http:
        assert http.get("/models").status_code == 200
        page.get_by_role("button", name="Revoke web shop").click()
        page.get_by_role("button", name="Revoke it").click()
        expect(page.get_by_role("row").filter(has_text="web shop")).to_contain_text("revoked")
        assert http.get("/models").status_code == 401


def test_a_rotated_key_has_a_successor(tab: Tab, served: Served) -> None:
    served.platform.command("keys", "create", "turning", "--role", "caller")
    page = tab.open("/keys")
    page.get_by_role("button", name="Rotate turning").click()
    page.get_by_role("button", name="Rotate it").click()
    assert page.locator("code.secret").inner_text().startswith("ck_")
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("row").filter(has_text="turning")).to_have_count(2)


def test_a_key_gets_limits_of_its_own_and_loses_them(tab: Tab, served: Served) -> None:
    served.platform.command("keys", "create", "limited", "--role", "caller")
    page = tab.open("/keys")
    page.get_by_role("button", name="Limits limited").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Requests a minute").fill("1.5")
    dialog.get_by_role("button", name="Set them").click()
    expect(dialog.get_by_role("alert")).to_contain_text("a whole number from 0 up")
    dialog.get_by_label("Requests a minute").fill("60")
    dialog.get_by_label("Tokens a month").fill("5000")
    dialog.get_by_role("button", name="Set them").click()
    expect(dialog).to_have_count(0)
    assert "60" in served.platform.command("limits", "list").stdout
    page.get_by_role("button", name="Limits limited").click()
    expect(dialog.get_by_label("Requests a minute")).to_have_value("60")
    expect(dialog.get_by_label("Tokens a minute")).to_have_value("")
    dialog.get_by_role("button", name="As the defaults say").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Limits limited").click()
    expect(dialog.get_by_label("Requests a minute")).to_have_value("")


def test_what_was_asked_is_counted_and_can_be_taken_along(tab: Tab) -> None:
    tab.page.get_by_label("Longest answer (tokens)").fill("5")
    tab.ask("Count this")
    expect(tab.page.get_by_role("status").first).to_contain_text("Answered by")
    page = tab.open("/usage")
    row = page.get_by_role("region", name="Usage").get_by_role("row").filter(has_text="tiny").first
    expect(row).to_contain_text("bootstrap")
    assert page.locator(".bar").last.bounding_box()["height"] > 50  # type: ignore[index]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert any(each["model"] == "tiny" and int(each["requests"]) >= 1 for each in rows)
    page.get_by_label("The last").click()
    page.get_by_role("option", name="7 days").click()
    expect(page.locator(".day")).to_have_count(7)


def test_engines_are_looked_at(tab: Tab) -> None:
    page = tab.open("/engines")
    expect(page.get_by_role("region", name="Engines")).to_contain_text("ready")
    expect(page.get_by_role("region", name="Engines")).to_contain_text("tiny:1")
