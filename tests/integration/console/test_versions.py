"""A version's page: what is known of it, what was measured, and what it came from, drawn."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from colonnade.client import Colonnade, LineageNode, Metric
from tests.harness.browser import Tab
from tests.harness.tiny_model import write_tiny_llama
from tests.integration.console.conftest import KEY, Served
from tests.integration.console.naughty import STRINGS

CARD = """# Tiny, *tuned*

It answers **short** questions. [More](https://example.com/tiny) ![no](https://evil.example/x.png)

<script>alert(1)</script> [no](javascript:alert(1))
"""
SIGNATURE = {
    "inputs": [{"name": "prompt", "type": "string"}],
    "outputs": [{"name": "text", "type": "string"}],
}
DATA = f"dataset:sha256:{'d' * 64}"


@pytest.fixture(scope="module")
def told(served: Served) -> Served:
    """What people and training runs would have said of ``tiny``."""
    with Colonnade(served.platform.url, KEY) as client:
        for version, loss in ((1, 2.5), (2, 2.0)):
            said = {"model": f"number {version}", "team": "search"}
            client.models.describe_version("tiny", version, set_tags=said, add_metrics=[Metric("loss", loss)])
        client.models.describe_version("tiny", 2, card=CARD, signature=SIGNATURE)
        client.lineage.record([("tiny:2", "derived_from", "tiny:1"), ("tiny:1", "trained_on", DATA)])
        client.models.record_evaluation("tiny", 2, "arc-easy", {"accuracy": 0.75})
    return served


def test_its_card_is_read_and_does_nothing(tab: Tab, told: Served) -> None:
    page = tab.open("/models/tiny")
    card = page.get_by_role("region", name="Card")
    expect(card.get_by_role("heading", name="Tiny, tuned")).to_be_visible()
    page = tab.open("/models/tiny/versions/2")
    expect(card.get_by_role("heading", name="Tiny, tuned")).to_be_visible()
    expect(card.locator("strong").first).to_have_text("short")
    expect(card.get_by_role("link", name="More")).to_have_attribute("rel", "noopener noreferrer")
    expect(card).to_contain_text("<script>alert(1)</script>")
    assert card.locator("script, img, [href^='javascript']").count() == 0
    expect(page.get_by_role("region", name="Metrics")).to_contain_text("loss")
    expect(page.get_by_role("region", name="Signature")).to_contain_text("prompt")
    expect(page.get_by_text("number 2")).to_be_visible()


def test_two_versions_are_compared(tab: Tab, told: Served) -> None:
    page = tab.open("/models/tiny")
    metrics = page.get_by_role("region", name="Metrics compared")
    expect(metrics.get_by_role("row").filter(has_text="loss")).to_contain_text("differs -20 %")
    tags = page.get_by_role("region", name="Tags compared")
    expect(tags.get_by_role("row").filter(has_text="team")).to_contain_text("same")
    expect(tags.get_by_role("row").filter(has_text="number")).to_contain_text("differs")
    page.get_by_label("The other").click()
    page.get_by_role("option", name="Version 1").click()
    expect(metrics.get_by_role("row").filter(has_text="loss")).to_contain_text("same")


def test_two_configurations_are_compared(tab: Tab, served: Served) -> None:
    deep = write_tiny_llama(served.models / "deep", layers=3)
    for source in (served.models / "one", deep):
        served.platform.command("models", "import", str(source), "--name", "unlike", "--alias", "unlike")
    page = tab.open("/models/unlike")
    settings = page.get_by_role("region", name="Configurations compared")
    expect(settings.get_by_role("row").filter(has_text="layers")).to_contain_text("differs")
    expect(settings).not_to_contain_text("vocab")


def test_its_lineage_is_drawn_and_listed(tab: Tab, told: Served) -> None:
    page = tab.open("/models/tiny")
    page.get_by_role("region", name="Versions").get_by_role("link", name="2", exact=True).click()
    page.wait_for_url("**/models/tiny/versions/2")
    tab.connected()
    expect(page.get_by_role("region", name="Evaluations")).to_contain_text("accuracy 0.75")
    drawn = page.get_by_role("region", name="Lineage, drawn")
    expect(drawn.locator(".graph-box.here")).to_contain_text("tiny:2")
    boxes = [box["y"] for box in (each.bounding_box() for each in drawn.locator("rect").all()) if box]
    assert len(set(boxes)) >= 3, "what came from something stands below it"
    expect(page).to_have_title("tiny:2 · Colonnade")
    listed = page.get_by_role("region", name="Lineage", exact=True)
    expect(listed.get_by_role("row").filter(has_text="tiny:2 (this)")).to_contain_text("derived from tiny:1")
    page.get_by_label("Show").click()
    page.get_by_role("option", name="What came from it").click()
    expect(drawn.locator(".graph-box")).to_have_count(1)
    page.get_by_role("navigation", name="Way here").get_by_role("link", name="tiny").click()
    page.wait_for_url("**/models/tiny")


def test_it_is_readable_on_a_phone_in_the_dark(new_tab: Callable[..., Tab], told: Served) -> None:
    tab = new_tab(viewport={"width": 390, "height": 844}, color_scheme="dark")
    tab.sign_in(KEY)
    tab.connected()
    page = tab.open("/models/tiny/versions/2")
    expect(page.get_by_role("region", name="Lineage, drawn").locator(":scope > svg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_version_that_is_not_there_is_told(tab: Tab) -> None:
    page = tab.open("/models/tiny/versions/99")
    expect(page.get_by_role("alert").first).to_contain_text("There is no such thing")


def test_naughty_labels_are_text(tab: Tab, told: Served) -> None:
    with Colonnade(told.platform.url, KEY) as client:
        for number, naughty in enumerate(STRINGS[:12]):
            said = LineageNode("run", f"naughty-{number}", naughty)
            client.lineage.record([("tiny:1", "produced_by", said)])
    page = tab.open("/models/tiny/versions/1")
    expect(page.get_by_role("region", name="Lineage", exact=True)).to_contain_text(STRINGS[0])
    assert page.locator("main script, main iframe, main img[onerror], main style").count() == 0
