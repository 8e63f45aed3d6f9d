"""Takes docs/pictures/console: a running console in Chromium, at 1280 pixels light and dark, and at 390.

Starts a platform with the bundled model, and a second version that fails when it is told to. Run with
``make console-pictures``.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, expect

from colonnade.client import Colonnade, LineageNode, Metric
from docs.tools import memory_pictures, training_pictures
from docs.tools.taking_pictures import FOLDER, KEY, NARROW, TALL, WIDE, others, shoot
from tests.harness.browser import Tab, chromium
from tests.harness.platform import Platform, eventually, free_port, running
from tests.harness.tiny_model import write_tiny_llama
from tests.harness.traffic import steady

MODEL = "smollm2-135m-instruct"
LAYERS = 3
POLICY = """
description: One step, watched closely
steps:
  - {percent: 20, seconds: 3600, requests: 200}
objectives: {error_rate: 0.05, first_token_p95: 10, tokens_per_second: 1}
least_requests: 5
"""
CARD = """# Dates, answered better

Tuned on **support chats** that ask for dates and times.

| asked for | before | now |
|-|-|-|
| a date | 61 % | 83 % |
| a time of day | 58 % | 79 % |

- It was not tested on languages other than English.
"""
_FAILING = Path(__file__).resolve().parents[2] / "tests" / "harness" / "failing"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with TemporaryDirectory() as folder:
        models, once = Path(folder), Path(folder) / "once"
        (models / "policies").mkdir()
        (models / "policies" / "watched.yaml").write_text(POLICY)
        with (
            running(
                "--console-port", str(port),
                COLONNADE_REGISTRY_IMPORT_ROOTS=folder,
                COLONNADE_REGISTRY_POLICIES_DIR=str(models / "policies"),
                COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
                COLONNADE_API_KEY=KEY,
                PYTHONPATH=str(_FAILING),
                FAILING_ONCE=str(once),
                FAILING_LAYERS=str(LAYERS),
            ) as platform,
            chromium() as browser,
        ):  # fmt: skip
            log = platform.home / "up.log"
            eventually(lambda: "Colonnade is ready" in log.read_text(), 300, "the bundled model answers")
            source = write_tiny_llama(models / "demonstration", layers=LAYERS)
            platform.command("models", "import", str(source), "--name", MODEL, "--alias", "canary")
            roll(browser, platform, f"http://127.0.0.1:{port}", once)
            say(platform)
            platform.command("models", "alias", MODEL, "production", "1=90", "2=10")
            take(browser, f"http://127.0.0.1:{port}")
    memory_pictures.main()
    training_pictures.main()


def roll(browser: Browser, platform: Platform, url: str, once: Path) -> None:
    """A rollout under way, and how it is taken back."""
    tab = Tab(browser, url, viewport=TALL, color_scheme="light")
    tab.sign_in(KEY)
    tab.connected()
    with Colonnade(platform.url, KEY) as client, steady(platform, MODEL, key=KEY, tokens=8):
        begun = client.rollouts.start(MODEL, 2, policy="watched", why="answers shorter questions better")
        page = tab.open(f"/rollouts/{begun.id}")
        expect(page.locator(".verdict.within")).to_have_count(3)
        eventually(lambda: client.rollouts.get(begun.id).outcomes.candidate.requests >= 20, 300, "it is seen")
        shoot(page, "rollout-canary")
        once.write_text("fails")
        expect(page.locator(".ending")).to_contain_text("by itself")
    shoot(page, "rollout")
    tab.close()
    others(browser, url, "dark", NARROW, lambda small: visit(small, f"/rollouts/{begun.id}", "rollout-390"))


def say(platform: Platform) -> None:
    """What a training run would have told of the second version."""
    new, run = f"{MODEL}:2", LineageNode("run", "run-0042", "dates, night of the 3rd")
    chats = LineageNode("dataset", f"sha256:{'c' * 64}", "support-chats")
    with Colonnade(platform.url, KEY) as client:
        client.lineage.record(
            [
                (new, "derived_from", f"{MODEL}:1"),
                (new, "produced_by", run),
                (run, "built_from", LineageNode("commit", "7e2d806", "7e2d806")),
                (new, "trained_on", chats),
            ]
        )
        client.models.describe_version(
            MODEL,
            1,
            set_tags={"team": "search"},
            add_metrics=[Metric("loss", 2.31), Metric("accuracy", 0.377)],
        )
        client.models.describe_version(
            MODEL,
            2,
            card=CARD,
            set_tags={"team": "search", "reviewed": "yes"},
            add_metrics=[Metric("loss", 2.02, 2000), Metric("accuracy", 0.412)],
            signature={
                "inputs": [{"name": "prompt", "type": "string"}],
                "outputs": [{"name": "text", "type": "string"}],
            },
        )
        client.models.record_evaluation(MODEL, 2, "arc-easy", {"accuracy": 0.412}, origin="run-0042")


def take(browser: Browser, url: str) -> None:
    tab = Tab(browser, url, viewport=WIDE, color_scheme="light")
    tab.page.goto("/sign-in")
    shoot(tab.page, "sign-in")
    tab.sign_in(KEY)
    tab.connected()
    playground(tab)
    shoot(tab.page, "playground")
    visit(tab, f"/models/{MODEL}", "model")
    visit(tab, "/keys", "keys")
    visit(tab, "/engines", "engines")
    tab.close()
    others(browser, url, "light", TALL, lambda tall: version(tall, "version"))
    others(browser, url, "dark", NARROW, lambda small: version(small, "version-390"))
    others(browser, url, "light", WIDE, compare)
    others(browser, url, "dark", WIDE, lambda dark: visit(dark, "/usage", "usage-dark"))
    others(browser, url, "dark", WIDE, lambda dark: answered(dark, "playground-dark"))
    others(browser, url, "light", NARROW, lambda small: answered(small, "playground-390"))
    others(browser, url, "light", NARROW, lambda small: visit(small, f"/models/{MODEL}", "model-390"))


def playground(tab: Tab) -> None:
    """Two answers to one question, from one version: its weights are real, the other's are not."""
    choose(tab)
    tab.page.get_by_role("button", name="Side by side").click()
    choose(tab)
    ask(tab)


def choose(tab: Tab) -> None:
    """Version 1, for the newest of the conversations."""
    lane = tab.page.locator(".lane").last.get_by_label("Model")
    lane.fill(f"{MODEL}:1")
    option = tab.page.get_by_role("option", name=f"{MODEL}:1")
    option.click()
    expect(option).to_have_count(0)


def ask(tab: Tab) -> None:
    """Until every conversation has its answer."""
    tab.page.get_by_label("Longest answer (tokens)").fill("60")
    tab.page.get_by_label("Temperature").fill("0.2")
    tab.ask("What is a colonnade?")
    expect(tab.page.locator(".lane .facts")).to_have_count(tab.page.locator(".lane").count())


def answered(tab: Tab, name: str) -> None:
    choose(tab)
    ask(tab)
    shoot(tab.page, name)


def version(tab: Tab, name: str) -> None:
    """Its card above, its lineage where a small screen begins."""
    page = tab.open(f"/models/{MODEL}/versions/2")
    drawn = page.get_by_role("region", name="Lineage, drawn")
    expect(drawn.locator(":scope > svg")).to_be_visible()
    expect(page.get_by_role("region", name="Card").get_by_role("heading").first).to_be_visible()
    if name != "version":
        drawn.scroll_into_view_if_needed()
    shoot(page, name)


def compare(tab: Tab) -> None:
    page = tab.open(f"/models/{MODEL}")
    expect(page.get_by_role("region", name="Metrics compared")).to_be_visible()
    page.get_by_role("heading", name="Compare two versions").evaluate("each => each.scrollIntoView()")
    shoot(page, "compare")


def visit(tab: Tab, path: str, name: str) -> None:
    shoot(tab.open(path), name)


if __name__ == "__main__":
    main()
