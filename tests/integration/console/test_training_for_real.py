"""From a recipe to a version, before the real training service: nothing in between is played."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.browser import Tab
from tests.harness.platform import eventually, free_port, running
from tests.integration.console.conftest import KEY, Served
from tests.unit.learn.recipes import corpus, document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
STEPS = 400
RECIPE = document(
    "stories/*.jsonl",
    name="fables",
    batch={"accumulate": 1},
    steps=STEPS,
    optimiser={"learning_rate": 0.005},
    schedule={"kind": "constant", "warm_up": 20},
    evaluation={"every": 100, "prompt_tokens": 8},
    checkpoints={"every": 200},
    reports={"every": 5},
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Its training service reads texts below ``models``."""
    port, folder = free_port(), tmp_path_factory.mktemp("texts")
    corpus(folder / "stories")
    with running(
        "--no-import",
        "--console-port",
        str(port),
        COLONNADE_TRAINING_WORK_DIR=str(folder),
        COLONNADE_TRAINING_WORKER_THREADS="1",
        COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
        COLONNADE_API_KEY=KEY,
    ) as platform:
        yield Served(platform, f"http://127.0.0.1:{port}", folder)


def loss_of(page: Page) -> Locator:
    return page.locator("figure.plot").filter(has_text="Loss")


def step_of(page: Page) -> int:
    """Where the curve of the training loss is, as its words say; 0 while there is none."""
    words = " ".join(loss_of(page).locator(".plot-words").all_inner_texts())
    found = re.search(r"training: [\d.]+ at step (\d+)", words)
    return int(found[1]) if found else 0


def test_a_recipe_becomes_a_version_before_ones_eyes(new_tab: Callable[..., Tab]) -> None:
    tab = new_tab()
    tab.sign_in(KEY)
    tab.connected()
    page = tab.open("/training")
    page.get_by_role("button", name="Submit a recipe").click()
    page.wait_for_url("**/training/new")
    tab.connected()
    page.get_by_label("Recipe (YAML)").fill(json.dumps(RECIPE, indent=1))
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/training/jobs/job_*")
    tab.connected()

    expect(page.get_by_role("heading", level=1)).to_have_text("fables")
    first = eventually(lambda: step_of(page), 60, "the curve begins")
    assert first < STEPS, "it was to be seen under way"
    eventually(lambda: step_of(page) > first, 60, "the curve grows")
    ending = page.locator(".ending")
    expect(ending).to_contain_text("Succeeded: it made fables:1")
    loss = loss_of(page)
    expect(loss).to_contain_text(f"at step {STEPS}")
    expect(loss).to_contain_text("validation:")
    expect(loss.locator("svg path").first).to_be_attached()
    expect(page.get_by_role("region", name="Samples")).to_contain_text("the cat")
    expect(page.get_by_role("region", name="Events")).to_contain_text("started")

    page.get_by_role("link", name="The version that it made: fables:1").click()
    page.wait_for_url("**/models/fables/versions/1")
    expect(page.get_by_role("heading", level=1)).to_contain_text("fables")
    expect(page.get_by_role("region", name="Card")).to_contain_text("fables")
    ended = tab.open("/training").get_by_role("region", name="Jobs that have ended")
    expect(ended).to_contain_text("train")
    expect(ended).to_contain_text("fables:1")
