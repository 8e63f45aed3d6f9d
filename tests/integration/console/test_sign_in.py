"""Keys, sessions and rights, as a person meets them."""

import json
import os
import signal
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from tests.harness.browser import Tab
from tests.harness.platform import Platform, eventually, free_port, running
from tests.integration.console.conftest import KEY, Served


def test_a_right_key_leads_in_and_a_wrong_one_does_not(new_tab: Callable[..., Tab]) -> None:
    tab = new_tab()
    tab.page.goto("/usage")
    tab.page.get_by_label("API key").fill(KEY)
    tab.page.get_by_role("button", name="Sign in").click()
    tab.connected()
    assert tab.page.url.endswith("/usage")
    cookies = tab.page.context.cookies()
    (session,) = [each for each in cookies if each["name"].startswith("colonnade_console")]
    assert session["httpOnly"]
    assert session["sameSite"] == "Strict"
    assert KEY not in str(cookies)
    tab.page.get_by_role("button", name="Sign out").click()
    expect(tab.page.get_by_role("alert")).to_have_text("You are signed out.")


def test_wrong_keys_run_out(browser_tab_that_may_complain: Tab) -> None:
    tab = browser_tab_that_may_complain
    for _ in range(3):
        tab.sign_in(f"ck_{'a' * 16}_{'x' * 43}")
        expect(tab.page.get_by_role("alert")).to_contain_text("not valid")
    tab.sign_in(KEY)
    expect(tab.page.get_by_role("alert")).to_contain_text("Too many wrong keys")


def test_a_caller_is_told_what_its_key_may_not(served: Served, new_tab: Callable[..., Tab]) -> None:
    made = served.platform.command("keys", "create", "just a caller", "--role", "caller", "--json")
    tab = new_tab()
    tab.sign_in(_secret(made.stdout))
    tab.connected()
    page = tab.open("/keys")
    expect(page.get_by_text("Seeing keys takes the role admin or auditor; you have caller.")).to_be_visible()
    expect(page.get_by_text("Ask an administrator for a key with that role")).to_be_visible()
    expect(page.get_by_role("button", name="Make a key")).to_have_count(0)
    page = tab.open("/models")
    expect(page.get_by_text("Importing a model takes the role")).to_be_visible()
    expect(page.get_by_role("button", name="Import a model")).to_have_count(0)
    page = tab.open("/models/tiny")
    expect(page.get_by_text("takes the role admin or model engineer")).to_be_visible()
    for act in ("Promote through a rollout", "Move an alias", "Delete the alias production"):
        expect(page.get_by_role("button", name=act)).to_have_count(0)


def test_one_sees_as_whom_one_is_signed_in(served: Served, new_tab: Callable[..., Tab]) -> None:
    made = served.platform.command("keys", "create", "listens", "--role", "auditor", "--json")
    tab = new_tab()
    tab.sign_in(_secret(made.stdout))
    page = tab.connected()
    expect(page.get_by_text("Asking a model takes the role")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page = tab.open("/keys")
    expect(page.get_by_text("Making a key takes the role admin; you have auditor.")).to_be_visible()
    expect(page.get_by_role("region", name="API keys").get_by_role("button")).to_have_count(0)
    page.get_by_role("button", name="Account").focus()
    page.keyboard.press("Enter")
    account = page.get_by_role("dialog", name="Account")
    expect(account).to_contain_text("auditor")
    expect(account).to_contain_text("local")
    page.keyboard.press("Escape")
    expect(account).to_have_count(0)


def test_a_revoked_key_ends_its_session(served: Served, new_tab: Callable[..., Tab]) -> None:
    made = served.platform.command("keys", "create", "soon gone", "--role", "caller", "--json")
    secret = _secret(made.stdout)
    tab = new_tab()
    tab.sign_in(secret)
    tab.connected()
    served.platform.command("keys", "revoke", secret.split("_")[1])
    tab.ask("Hello")
    expect(tab.page.get_by_role("alert")).to_contain_text("no longer takes")


def test_started_again_after_a_kill_it_asks_to_sign_in_again(served: Served, tab: Tab) -> None:
    before = served.platform.pid("console")
    os.kill(before, signal.SIGKILL)
    eventually(
        lambda: _answers(served.console) and served.platform.pid("console") != before, 60, "it is back"
    )
    expect(tab.page.get_by_role("alert")).to_contain_text("Sign in again", timeout=60_000)
    tab.complaints.clear()  # the browser may say that its socket was refused
    tab.sign_in(KEY)
    tab.connected()


def test_an_open_platform_needs_no_key_until_the_first_is_made(new_tab: Callable[..., Tab]) -> None:
    port = free_port()
    with running("--no-import", "--console-port", str(port)):
        tab = new_tab()
        tab.url = f"http://127.0.0.1:{port}"
        tab.page.goto(f"{tab.url}/keys")
        page = tab.connected()
        expect(page.get_by_text("There are no API keys yet")).to_be_visible()
        page.get_by_role("button", name="Make a key").click()
        page.get_by_label("Name, for people").fill("the first")
        page.get_by_role("button", name="Make it").click()
        secret = page.locator("code.secret").inner_text()
        page.get_by_role("button", name="I have kept it").click()
        expect(page.get_by_role("alert")).to_contain_text("keys are asked for now")
        page.get_by_label("API key").fill(secret)
        page.keyboard.press("Enter")
        tab.connected()
        expect(page.get_by_text("the first")).to_be_visible()
        page.close()  # before the console ends, which its socket would complain of


def test_status_and_doctor_know_it(served: Served) -> None:
    platform: Platform = served.platform
    assert "console" in platform.command("status").stdout
    assert "console is ready" in platform.command("doctor", check=False).stdout
    assert served.console in (platform.home / "up.log").read_text()


def _secret(printed: str) -> str:
    secret: str = json.loads(printed)["secret"]
    return secret


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
