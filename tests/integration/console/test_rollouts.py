"""The whole story: a second version is promoted through a canary; a third fails live and is taken back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from colonnade.client import Colonnade
from tests.harness.browser import Tab
from tests.harness.platform import free_port, running
from tests.harness.tiny_model import write_tiny_llama
from tests.harness.traffic import steady
from tests.integration.console.conftest import KEY, Served
from tests.integration.console.naughty import STRINGS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LAYERS = 3
FAST = """
description: Two steps, each as short as can be
gates:
  - {probe: perplexity, bound: 50x}
steps:
  - {percent: 20, seconds: 1, requests: 3}
  - {percent: 60, seconds: 1, requests: 3}
objectives: {error_rate: 0.05, first_token_p95: 60}
least_requests: 3
"""
STAYS = """
description: Stays at a quarter
steps:
  - {percent: 25, seconds: 3600}
objectives: {error_rate: 0.02}
"""
WHY = STRINGS[0] + STRINGS[1]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The third version fails as soon as this says so."""
    return tmp_path_factory.mktemp("once") / "failing"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, once: Path) -> Iterator[Served]:
    port, folder = free_port(), tmp_path_factory.mktemp("rolled")
    policies = tmp_path_factory.mktemp("policies")
    for name, text in (("fast", FAST), ("stays", STAYS)):
        (policies / f"{name}.yaml").write_text(text)
    write_tiny_llama(folder / "good")
    write_tiny_llama(folder / "better", seed=2)
    write_tiny_llama(folder / "failing", seed=1, layers=LAYERS)
    with running(
        "--no-import",
        "--console-port",
        str(port),
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(folder),
        COLONNADE_REGISTRY_POLICIES_DIR=str(policies),
        COLONNADE_REGISTRY_GUARDED_ALIASES="guarded",
        COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
        COLONNADE_API_KEY=KEY,
        PYTHONPATH=str(Path(__file__).parents[2] / "harness" / "failing"),
        FAILING_ONCE=str(once),
        FAILING_LAYERS=str(LAYERS),
    ) as platform:
        yield Served(platform, f"http://127.0.0.1:{port}", folder)


@pytest.fixture
def named(served: Served) -> Callable[[str, int], str]:
    """A model of its own for a test, with so many versions."""

    def make(name: str, versions: int = 2) -> str:
        for source in ("good", "better", "failing")[:versions]:
            served.platform.command("models", "import", str(served.models / source), "--name", name)
        return name

    return make


def begin(tab: Tab, model: str, version: int, policy: str, why: str = "to see it go") -> Page:
    page = tab.open(f"/models/{model}")
    page.get_by_role("button", name="Promote through a rollout").click()
    choose(page, "Version", f"Version {version}")
    choose(page, "Policy", policy)
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Begin the rollout").click()
    page.wait_for_url("**/rollouts/ro_*")
    return tab.connected()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("dialog").get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(page.get_by_role("option", name=option, exact=True)).to_have_count(0)


def act(page: Page, name: str, why: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill(why)
    dialog.get_by_role("button", name=name, exact=True).click()


def stage(page: Page, title: str) -> str:
    """What the stage's class says of it."""
    found = page.locator(".stages li").filter(has_text=title)
    return str(found.get_attribute("class")).split()[-1]


def import_first(tab: Tab, served: Served) -> None:
    page = tab.open("/models")
    for source in ("good", "better"):
        page.get_by_role("button", name="Import a model").click()
        page.get_by_label("Source").fill(str(served.models / source))
        page.get_by_label("Name", exact=True).fill("story")
        page.get_by_role("button", name="Import", exact=True).click()
        page.wait_for_url("**/models/story")
        page = tab.open("/models")


def test_a_good_version_is_promoted_through_a_canary(tab: Tab, served: Served) -> None:
    expect(tab.open("/rollouts").get_by_text("No version has gone through a rollout yet.")).to_be_visible()
    import_first(tab, served)
    page = tab.open("/models/story")
    page.get_by_role("button", name="Promote through a rollout").click()
    choose(page, "Policy", "fast")
    plan = page.get_by_role("region", name="What it will do")
    expect(plan).to_contain_text("at most 50 times the stable version's")
    expect(plan).to_contain_text("20 %")
    expect(plan).to_contain_text("Error rate at most 5 %")
    page.get_by_role("button", name="Begin the rollout").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("say why")
    page = begin(tab, "story", 2, "fast", WHY)
    page.wait_for_function(
        "() => document.querySelector('.stage.now .stage-title')?.innerText.includes('20 %')"
    )
    expect(page.get_by_role("img", name="version 1 80 %, version 2 20 %")).to_be_visible()
    expect(page.get_by_role("region", name="Gates")).to_contain_text("passed")
    with steady(served.platform, "story", key=KEY):
        expect(page.get_by_role("region", name="Objectives")).to_contain_text("within")
        expect(page.locator(".ending")).to_contain_text("Promoted: story@production means version 2")
    assert stage(page, "Promoted") == "done"
    expect(page.get_by_role("img", name="version 2 100 %")).to_be_visible()
    expect(page.get_by_role("region", name="Events")).to_contain_text(WHY)
    expect(page.get_by_role("button", name="Roll back")).to_be_disabled()
    assert page.locator("main img[onerror], main script").count() == 0
    expect(tab.open("/rollouts").get_by_role("region", name="Rollouts that have ended")).to_contain_text(
        "promoted"
    )


def test_what_fails_live_is_taken_back_and_the_page_says_why(
    tab: Tab, served: Served, once: Path, named: Callable[[str, int], str]
) -> None:
    page = begin(tab, named("failing", 3), 3, "stays")
    with steady(served.platform, "failing", threads=4, key=KEY) as traffic:
        expect(page.locator(".stage.now")).to_contain_text("25 %")
        pause = page.get_by_role("button", name="Pause", exact=True)
        pause.focus()
        seen = page.locator(".progress").inner_text()
        expect(page.locator(".progress")).not_to_have_text(seen)
        expect(pause).to_be_focused()
        expect(page.get_by_role("region", name="Objectives")).to_contain_text("within")
        once.write_text("fails")
        ending = page.get_by_role("alert").filter(has_text="Rolled back by itself")
        expect(ending).to_contain_text("failing@production means version 1 again")
        expect(ending).to_contain_text("error_rate is")
    assert traffic.failed == []
    assert stage(page, "25 %") == "failed"
    expect(page.get_by_role("img", name="version 1 100 %")).to_be_visible()
    expect(page.get_by_role("region", name="Events")).to_contain_text("itself")
    expect(tab.open(page.url).locator(".ending")).to_contain_text("Rolled back by itself")


def test_each_act_asks_for_a_reason_and_two_people_do_not_race(
    tab: Tab, served: Served, named: Callable[[str, int], str]
) -> None:
    page = begin(tab, named("acted", 2), 2, "stays")
    expect(page.get_by_role("button", name="Resume")).to_be_disabled()
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_contain_text("say why")
    with Colonnade(served.platform.url, KEY) as other:
        other.rollouts.pause(page.url.rpartition("/")[2], why="faster")
    dialog.get_by_label("Why").fill(WHY)
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Someone else was faster")
    expect(dialog).to_contain_text("It is now: canary, step 1 of 1 (25 %), paused.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_disabled()
    act(page, "Resume", WHY)
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    expect(page.get_by_role("region", name="Events")).to_contain_text(WHY)
    act(page, "Roll back", "not today")
    expect(page.locator(".ending")).to_contain_text("not today")
    page = begin(tab, "acted", 2, "stays")
    act(page, "Promote", "sure of it")
    expect(page.locator(".ending")).to_contain_text("acted@production means version 2")


def test_a_key_that_may_not_is_told_and_offered_nothing(
    tab: Tab, new_tab: Callable[..., Tab], served: Served, named: Callable[[str, int], str]
) -> None:
    url = begin(tab, named("seen", 2), 2, "stays").url
    with Colonnade(served.platform.url, KEY) as admin:
        caller = admin.keys.create("looks on", roles=["caller"]).secret
    looking = new_tab(viewport={"width": 390, "height": 844}, color_scheme="dark")
    looking.sign_in(caller)
    looking.connected()
    page = looking.open(url)
    expect(page.get_by_text("takes the role admin or model engineer; you have caller")).to_be_visible()
    for name in ("Pause", "Resume", "Promote", "Roll back"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_guarded_alias_is_deleted_and_moved_by_nobody(
    tab: Tab, served: Served, named: Callable[[str, int], str]
) -> None:
    named("kept", 2)
    served.platform.command("models", "alias", "kept", "guarded", "1")
    served.platform.command("models", "alias", "kept", "loose", "1")
    page = tab.open("/models/kept")
    page.get_by_role("button", name="Delete the alias loose").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="loose")).to_have_count(0)
    page.get_by_role("button", name="Delete the alias guarded").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Only a rollout moves this alias")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="guarded")).to_be_visible()


def test_a_rollout_that_is_not_there_is_told(tab: Tab) -> None:
    expect(tab.open("/rollouts/ro_none").get_by_role("alert")).to_contain_text("There is no such thing")
