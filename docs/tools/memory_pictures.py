"""Takes the pictures of the console's Memory page: what a team's guide told, and a handbook that was added.

A part of ``make console-pictures``; alone: ``python -m docs.tools.memory_pictures``.
"""

from playwright.sync_api import Browser, Page, expect

from colonnade.client import Colonnade
from docs.tools.taking_pictures import FOLDER, KEY, NARROW, WIDE, others, shoot
from tests.harness.browser import Tab, chromium
from tests.harness.platform import eventually, free_port, running

FACTS = (
    ("The courtyard closes at eight in the evening.", 0.9),
    ("Ann takes the train to Graz every second Friday.", 0.5),
    ("The lift behind the colonnade is out of order until May.", 0.7),
)
EPISODES = ("Met Ben at the north gate; the keys are with the porter now.",)
TURNS = (
    ("user", "When do the gates close?"),
    ("assistant", "The courtyard closes at eight; the north gate stays open until ten."),
)
HANDBOOK = """# Visitors' handbook

The building has two courtyards and a colonnade of twelve columns along the garden.

## Opening hours

The garden opens at seven in the morning. The large courtyard is closed to visitors after eight in the
evening; the small one stays open for guests of the restaurant.

## Keys

Keys are with the porter at the north gate. A lost key is reported there, at once: its lock is changed the
same day. Guests who stay over the weekend get theirs on Friday before noon, and give them back on Monday.

## Guided tours

A tour takes forty minutes and begins under the third column from the left. It shows the drawings of the
first plan, in which the roof stood on eight columns, and tells why four were added. Groups of more than
twelve are shared between two guides. Children hold the rope of the smallest bell, and may ring it once.

## Lost and found

What is found in the garden is kept at the north gate for a month, and then given to the town.
"""
QUESTION = "Until when can one stay in the courtyard?"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (
        running(
            "--no-import", "--console-port", str(port),
            COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
            COLONNADE_API_KEY=KEY,
        ) as platform,
        Colonnade(platform.url, KEY) as client,
        chromium() as browser,
    ):  # fmt: skip
        platform.command("models", "import", "bundled:all-minilm-l6-v2", "--name", "minilm")
        tell(client)
        eventually(lambda: all_found_by_meaning(client), 180, "everything has its vector")
        take(browser, f"http://127.0.0.1:{port}")


def tell(client: Colonnade) -> None:
    memory = client.memory
    memory.documents.add(HANDBOOK.encode(), name="handbook.md", media_type="text/markdown", shared=True)
    for role, said in TURNS:
        memory.remember(said, session="visit on the 3rd", role=role)
    for told in EPISODES:
        memory.remember(told, kind="episode", people=["Ben"])
    for told, importance in FACTS:
        kept = memory.remember(told, importance=importance)
    memory.revise(kept.id, pinned=True)


def all_found_by_meaning(client: Colonnade) -> bool:
    return all(memory.embedded for memory in client.memory.list())


def take(browser: Browser, url: str) -> None:
    others(browser, url, "light", WIDE, lambda tab: search(tab, "memory"))
    others(browser, url, "dark", WIDE, lambda tab: browse(tab, "memory-dark"))
    others(browser, url, "light", NARROW, lambda tab: browse(tab, "memory-390"))
    others(browser, url, "dark", NARROW, lambda tab: search(tab, "memory-search-390"))
    others(browser, url, "light", WIDE, lambda tab: cite(tab, "memory-document"))


def at(tab: Tab, name: str) -> Page:
    page = tab.open("/memory")
    expect(page.get_by_text("north gate").first).to_be_visible()
    page.get_by_role("tab", name=name).click()
    return page


def browse(tab: Tab, name: str) -> None:
    shoot(at(tab, "Remembered"), name)


def search(tab: Tab, name: str) -> None:
    page = at(tab, "Search")
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_label("Question").press("Enter")
    expect(page.locator(".reasons").first).to_be_visible()
    shoot(page, name)


def cite(tab: Tab, name: str) -> None:
    page = at(tab, "Search")
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_label("Question").press("Enter")
    page.get_by_role("button", name="Show in its document").first.click()
    expect(page.locator("mark")).to_be_visible()
    shoot(page, name)


if __name__ == "__main__":
    main()
