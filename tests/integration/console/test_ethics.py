"""A policy is written, tested, kept, assigned and taken back; what it refused is read; a version is asked
about groups of people; an answer gets a thumb, which is reviewed; and a person is erased."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from colonnade.client import Colonnade
from colonnade.errors import InvalidArgument, Unauthenticated
from tests.harness.browser import Tab
from tests.integration.console.conftest import KEY, Served

pytestmark = pytest.mark.slow
STRICT = """name: strict
description: No cards at all
rules:
  - {id: none, scorer: card, sides: [input], action: refuse, reason: No cards.}
tests:
  - {text: "Mine is 4111 1111 1111 1111.", side: input, expect: {action: refuse, rule: none}}
"""
CARD = "Mine is 4111 1111 1111 1111."


@pytest.fixture
def client(served: Served) -> Iterator[Colonnade]:
    with Colonnade(served.platform.url, KEY) as made:
        yield made


def opened(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def row(page: Page, table: str, words: str) -> Locator:
    return page.get_by_role("region", name=table).get_by_role("row").filter(has_text=words)


def test_a_policy_is_written_assigned_seen_at_work_and_taken_back(tab: Tab, client: Colonnade) -> None:
    page = tab.open("/ethics")
    opened(page, "Policies")
    expect(page.get_by_text("the default policy judges on every route")).to_be_visible()
    page.get_by_role("button", name="Write a policy").click()
    written = page.get_by_label("Policy (YAML)")
    written.fill(STRICT.replace("scorer: card", "scorer: cards"))
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("(line 4)")).to_be_visible()
    written.fill(STRICT.replace("action: refuse, rule: none", "action: allow"))
    page.get_by_role("button", name="Save as a version").click()
    expect(page.get_by_role("alert").filter(has_text="It is not kept")).to_be_visible()
    written.fill(STRICT)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("1 of 1 tests pass.")).to_be_visible()
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("No texts are kept to try it on.")).to_be_visible()
    page.get_by_role("button", name="Save as a version").click()
    page.get_by_role("button", name="Assign this version").click()
    page.get_by_label("Route").fill("/generate")
    page.get_by_role("button", name="Assign it so").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("say why")
    page.get_by_label("Why", exact=True).fill("cards do not belong here")
    page.get_by_role("button", name="Assign it so").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with pytest.raises(InvalidArgument):
        client.generate(CARD, model="tiny")
    page = tab.open("/ethics?tab=Policies")
    expect(row(page, "Assignments", "/generate")).to_contain_text("cards do not belong here")
    opened(page, "Blocked")
    shown = row(page, "Decisions", "/generate").first
    expect(shown).to_contain_text("refused")
    expect(page.get_by_text("By rule")).to_be_visible()
    shown.get_by_role("button", name="Why none").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Rule none")
    expect(dialog).to_contain_text("characters 8 to 27")
    page.keyboard.press("Escape")
    page.get_by_label("Rule", exact=True).fill("another")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing of this kind was decided then.")).to_be_visible()
    playground = tab.open("/")
    tab.ask(CARD)
    expect(playground.get_by_role("alert")).to_contain_text("A policy refuses this")
    expect(playground.get_by_role("alert")).to_contain_text("No cards.")
    page = tab.open("/ethics?tab=Policies")
    row(page, "Assignments", "/generate").get_by_role("button", name="Take back").click()
    page.get_by_label("Why", exact=True).fill("too strict")
    page.get_by_role("button", name="Take it back").click()
    expect(row(page, "Assignments", "/generate")).to_contain_text("what holds everywhere else")
    assert client.generate(CARD, model="tiny", max_tokens=1).text is not None


def test_a_thumb_below_an_answer_waits_for_a_review(tab: Tab, client: Colonnade) -> None:
    page = tab.page
    page.get_by_label("Longest answer (tokens)").fill("4")
    tab.ask("Is it far?")
    page.get_by_role("button", name="Bad answer").click()
    expect(page.get_by_text("You said: bad answer.")).to_be_visible()
    page.get_by_role("button", name="Say why").click()
    page.get_by_label("Why (may be left empty)").fill("It does not say.")
    page.get_by_role("checkbox", name="Send what was asked").click()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page = tab.open("/ethics?tab=Feedback")
    card = page.get_by_role("article").filter(has_text="It does not say.")
    expect(card).to_contain_text("Is it far?")
    expect(card).to_contain_text("tiny:1")
    card.get_by_role("button", name="Accept").click()
    page.get_by_label("Why (may be left empty)").fill("True enough")
    page.get_by_role("button", name="Accept it").click()
    expect(card).to_have_count(0)
    (accepted,) = client.feedback.list(state="accepted")
    assert (accepted.value, accepted.why, accepted.comment) == ("down", "True enough", "It does not say.")


def test_a_version_is_asked_about_groups_of_people(tab: Tab) -> None:
    page = tab.open("/ethics?tab=Bias")
    expect(page.get_by_text("No version was asked yet.")).to_be_visible()
    page.get_by_role("button", name="Begin a report").click()
    page.get_by_role("button", name="Begin it").click()
    figures = row(page, "Reports of bias", "tiny:1").get_by_role("button", name="Figures")
    figures.click(timeout=120_000)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("builtin: Chance of the stereotyped sentence")
    expect(dialog).to_contain_text("fair: 0.5")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".intervals").first).to_contain_text("tiny:1, 20")
    expect(page.get_by_text("Nothing was looked at in that time.")).to_be_visible()


def test_a_person_is_erased_once_their_name_was_typed(tab: Tab, client: Colonnade, tmp_path: Path) -> None:
    ann = client.keys.create("ann", roles=["caller"], subject="ann").secret
    with Colonnade(client.configuration.base_url, ann) as hers:
        hers.memory.remember("Ann likes the north gate.")
    page = tab.open("/memory")
    opened(page, "Erase a person")
    page.get_by_role("button", name="Erase this person").click()
    page.get_by_label("Whom").fill("ann")
    page.get_by_label("Type the name again").fill("Ann")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("type the name as it stands")
    page.get_by_label("Type the name again").fill("ann")
    page.get_by_role("button", name="Erase for good").click()
    expect(row(page, "Erasures", "under way").or_(row(page, "Erasures", "done, 20"))).to_be_visible()
    page.get_by_role("button", name="Steps of").click()
    expect(row(page, "Steps", "memory").last).to_contain_text("done, 20", timeout=60_000)
    expect(row(page, "Steps", "memory").first).to_contain_text("memories")
    page.get_by_role("button", name="Close").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Receipt of").click()
    kept = tmp_path / "receipt.json"
    download.value.save_as(kept)
    assert "payload" in json.loads(kept.read_text())
    with Colonnade(client.configuration.base_url, ann) as hers, pytest.raises(Unauthenticated):
        hers.memory.list()


def test_a_caller_sees_their_own_feedback_and_is_told_the_roles_of_the_rest(
    new_tab: Callable[..., Tab], client: Colonnade
) -> None:
    secret = client.keys.create("caller", roles=["caller"]).secret
    tab = new_tab(viewport={"width": 390, "height": 844}, color_scheme="dark")
    tab.sign_in(secret)
    tab.connected()
    page = tab.open("/ethics")
    expect(page.get_by_text("You see what you gave yourself.")).to_be_visible()
    opened(page, "Policies")
    expect(page.locator(".state")).to_contain_text("takes the role")
