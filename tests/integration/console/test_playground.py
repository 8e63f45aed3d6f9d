"""Answers that stream into the page, are stopped, and stand side by side."""

import re

from playwright.sync_api import expect

from tests.harness.browser import Tab
from tests.integration.console.conftest import Served

_NEVER_ENDS = "0=-100"


def endless(tab: Tab) -> None:
    tab.page.get_by_text("More", exact=True).click()
    tab.page.get_by_label("Token bias").fill(_NEVER_ENDS)
    tab.page.get_by_label("Longest answer (tokens)").fill("5000")


def test_an_answer_streams_into_the_page_and_says_who_gave_it(tab: Tab) -> None:
    tab.page.get_by_label("Seed").fill("7")
    tab.ask("Hello")
    below = tab.page.get_by_role("status").first
    expect(below).to_contain_text("Answered bytiny:1")
    for fact in ("Digest", "Ended", "Tokens", "First token", "Cache", "Seed7"):
        expect(below).to_contain_text(fact)
    assert tab.page.locator(".answer").inner_text()
    assert tab.page.get_by_label("Prompt", exact=True).input_value() == ""


def test_esc_stops_an_answer_and_what_had_come_stays(tab: Tab, served: Served) -> None:
    endless(tab)
    tab.ask("Go on for ever")
    answer = tab.page.locator(".answer")
    expect(answer).not_to_be_empty()
    first = answer.inner_text()
    tab.page.wait_for_function(
        "(had) => document.querySelector('.answer').innerText.length > had", arg=len(first)
    )
    tab.page.keyboard.press("Escape")
    expect(tab.page.get_by_text("Stopped by you.")).to_be_visible()
    assert len(answer.inner_text()) > len(first)
    expect(tab.page.get_by_role("button", name="Send")).to_be_enabled()
    tab.ask("And now?")
    expect(tab.page.locator(".answer")).to_have_count(2)
    tab.page.get_by_role("button", name="Stop").click()
    expect(tab.page.get_by_text("Stopped by you.")).to_have_count(2)


def test_two_versions_answer_side_by_side(tab: Tab) -> None:
    tab.page.get_by_role("button", name="Side by side").click()
    lanes = tab.page.locator(".lane")
    expect(lanes).to_have_count(2)
    second = lanes.nth(1).get_by_label("Model")
    second.fill("tiny:2")
    tab.page.get_by_role("option", name="tiny:2").click()
    tab.page.get_by_label("Longest answer (tokens)").fill("8")
    tab.ask("Who are you?")
    expect(lanes.nth(0)).to_contain_text("Answered bytiny:1")
    expect(lanes.nth(1)).to_contain_text("Answered bytiny:2")
    digests = {re.sub(r"\s", "", lane.inner_text()).partition("Digest")[2][:12] for lane in lanes.all()}
    assert len(digests) == 2
    tab.page.get_by_role("button", name="One model only").click()
    expect(lanes).to_have_count(1)


def test_a_wrong_setting_is_told_before_anything_is_asked(tab: Tab) -> None:
    tab.page.get_by_text("More", exact=True).click()
    tab.page.get_by_label("Token bias").fill("nonsense")
    tab.ask("Hello")
    expect(tab.page.get_by_text("token bias must look like 0=-100")).to_be_visible()
    expect(tab.page.locator(".answer")).to_have_count(0)


def test_what_the_platform_refuses_is_told_below_the_answer(tab: Tab) -> None:
    tab.page.get_by_label("Longest answer (tokens)").fill("100000")
    tab.ask("Hello")
    expect(tab.page.get_by_role("alert")).to_contain_text("max_tokens")


def test_a_new_conversation_forgets_what_was_said(tab: Tab) -> None:
    tab.page.get_by_label("Longest answer (tokens)").fill("4")
    tab.ask("Hello")
    expect(tab.page.get_by_role("status").first).to_contain_text("Answered by")
    tab.page.get_by_role("button", name="New conversation").click()
    expect(tab.page.locator(".turn")).to_have_count(0)


def test_without_a_mouse_everything_can_be_reached(tab: Tab) -> None:
    page = tab.open("/models")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className").startswith("content")
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
