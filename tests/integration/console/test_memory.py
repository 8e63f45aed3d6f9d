"""What is remembered is looked through, searched, weighed and forgotten; documents are added and cited."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from colonnade.client import Colonnade
from tests.harness.browser import Tab
from tests.integration.console.conftest import KEY, Served

pytestmark = pytest.mark.slow
GUIDE = "".join(f"Paragraph {number} is about door {number} of the hall.\n\n" for number in range(120))
CITED = "Paragraph 77 is about door 77"


@pytest.fixture
def client(served: Served) -> Iterator[Colonnade]:
    with Colonnade(served.platform.url, KEY) as made:
        yield made


@pytest.fixture
def as_anybody(new_tab: Callable[..., Tab], served: Served) -> Tab:
    """Signed in with a key that speaks for whom each request names."""
    with Colonnade(served.platform.url, KEY) as client:
        secret = client.keys.create("any", roles=["operator"]).secret
    made = new_tab()
    made.sign_in(secret)
    made.connected()
    return made


def card(page: Page, words: str) -> Locator:
    return page.get_by_role("article").filter(has_text=words)


def opened(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_a_memory_is_voted_on_pinned_weighed_and_forgotten(tab: Tab, client: Colonnade) -> None:
    kept = client.memory.remember("The blue key opens the attic.", importance=0.5)
    page = tab.open("/memory")
    shown = card(page, "The blue key")
    expect(shown).to_contain_text("strong, 0.50")
    shown.get_by_role("button", name="Useful").click()
    expect(shown).to_contain_text("+1")
    shown.get_by_role("button", name="Pin").click()
    expect(shown).to_contain_text("pinned, never fades")
    shown.get_by_role("button", name="Weigh").click()
    page.get_by_label("Importance").fill("2")
    page.get_by_role("button", name="Weigh it so").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("between 0 and 1")
    page.get_by_label("Importance").fill("0.9")
    page.get_by_role("button", name="Weigh it so").click()
    expect(shown).to_contain_text("0.9")
    now = client.memory.get(kept.id)
    assert (now.votes, now.pinned, now.importance) == (1, True, 0.9)
    shown.get_by_role("button", name="Forget").click()
    expect(page.get_by_role("dialog")).to_contain_text("erased for good")
    page.get_by_role("button", name="Forget it").click()
    expect(shown).to_have_count(0)
    assert kept.id not in [each.id for each in client.memory.list()]


def test_a_search_says_why_each_was_found(tab: Tab, client: Colonnade) -> None:
    client.memory.remember("The observatory dome turns twice a day.")
    page = tab.open("/memory")
    opened(page, "Search")
    page.get_by_label("Question").fill("when does the dome turn?")
    page.keyboard.press("Enter")
    found = card(page, "observatory dome")
    expect(found).to_contain_text("place 1 by words")
    expect(found.locator("dd", has_text="by words")).to_contain_text("dome")
    expect(found).to_contain_text("not like the question")
    expect(page.get_by_text("It was searched by words alone")).to_be_visible()
    page.get_by_label("Question").fill("zeppelin")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nothing fits.")).to_be_visible()


def test_a_document_is_added_cited_and_deleted(tab: Tab, tmp_path: Path) -> None:
    guide = tmp_path / "guide.txt"
    guide.write_text(GUIDE)
    page = tab.open("/memory")
    opened(page, "Documents")
    expect(page.get_by_text("There are no documents.")).to_be_visible()
    add(page, guide)
    row = page.get_by_role("row").filter(has_text="guide.txt")
    expect(row).to_contain_text("characters")
    opened(page, "Search")
    page.get_by_label("Question").fill("door 77")
    page.keyboard.press("Enter")
    card(page, CITED).get_by_role("button", name="Show in its document").click()
    cited = page.get_by_role("dialog").locator("mark")
    expect(cited).to_contain_text(CITED)
    assert len(cited.text_content() or "") < len(GUIDE) / 2, "the piece alone is marked"
    page.get_by_role("button", name="Close").click()
    opened(page, "Documents")
    page.get_by_role("button", name="Delete guide.txt").click()
    page.get_by_role("button", name="Delete it").click()
    expect(row).to_have_count(0)


def test_what_is_no_document_is_refused_where_it_was_chosen(tab: Tab, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    page = tab.open("/memory")
    opened(page, "Documents")
    add(page, broken)
    refusal = page.get_by_role("dialog").get_by_role("alert")
    expect(refusal).to_contain_text("Something in this is not right")
    expect(page.get_by_role("button", name="Choose a file")).to_be_enabled()
    program = tmp_path / "tool.exe"
    program.write_bytes(b"MZ")
    choose(page, program)
    expect(refusal).to_contain_text("Choose another file.")


def add(page: Page, path: Path) -> None:
    page.get_by_role("button", name="Add a document").click()
    choose(page, path)


def choose(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(path)


def test_a_session_is_read_and_ended(tab: Tab, client: Colonnade) -> None:
    for role, said in (("user", "Is the lift fixed?"), ("assistant", "Not before May.")):
        client.memory.remember(said, session="the lift", role=role)
    page = tab.open("/memory")
    opened(page, "Sessions")
    page.get_by_role("button", name="Read the session the lift").click()
    turns = page.get_by_role("region", name="Turns")
    expect(turns.get_by_text("Is the lift fixed?")).to_be_visible()
    spoken = turns.locator("p").all_text_contents()
    assert spoken == ["Is the lift fixed?", "Not before May."]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="End the session the lift").click()
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("No session is remembered.")).to_be_visible()
    assert not client.memory.list(session="the lift")


def test_a_key_that_speaks_for_others_names_whose_memory(as_anybody: Tab, served: Served) -> None:
    with Colonnade(served.platform.url, KEY) as client:
        secret = client.keys.create("ben", roles=["caller"], subject="ben").secret
    with Colonnade(served.platform.url, secret) as ben:
        ben.memory.remember("Ben likes the north gate.")
    page = as_anybody.open("/memory")
    expect(page.get_by_text("Nothing of these kinds is remembered.")).to_be_visible()
    page.get_by_label("Whose memory").fill("ben")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(card(page, "Ben likes the north gate.")).to_be_visible()
    assert "ben" not in page.url


def test_whoever_may_not_is_told_which_role_it_takes(new_tab: Callable[..., Tab], served: Served) -> None:
    with Colonnade(served.platform.url, KEY) as client:
        secret = client.keys.create("auditor", roles=["auditor"]).secret
    tab = new_tab()
    tab.sign_in(secret)
    tab.connected()
    expect(tab.open("/memory").locator(".state")).to_contain_text("takes the role")
