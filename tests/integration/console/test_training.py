"""Training jobs on their pages: a played gateway moves them, and the pages follow."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.browser import Tab
from tests.harness.console import console_before
from tests.harness.playing_jobs import AT, PlayedJobs, happened, played_jobs, point
from tests.integration.console.naughty import STRINGS

pytestmark = pytest.mark.timeout(300)
CHANGED = "name: plays\nsteps: 800\n"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlayedJobs, str]]:
    with played_jobs() as (jobs, port), console_before(port, tmp_path_factory.mktemp("home")) as url:
        yield jobs, url


@pytest.fixture
def jobs(played: tuple[PlayedJobs, str]) -> PlayedJobs:
    """None to begin with."""
    fresh = PlayedJobs()
    vars(played[0]).update({name: value for name, value in vars(fresh).items() if name != "lock"})
    return played[0]


@pytest.fixture
def tabs(jobs: PlayedJobs, played: tuple[PlayedJobs, str], browser: Browser) -> Iterator[Callable[..., Tab]]:
    """At the end none may have complained."""
    made: list[Tab] = []

    def make(**options: Any) -> Tab:
        tab = Tab(browser, played[1], **{"viewport": {"width": 1280, "height": 900}, **options})
        made.append(tab)
        return tab

    yield make
    for tab in made:
        tab.close()
    assert [complaint for tab in made for complaint in tab.complaints] == []


def run(jobs: PlayedJobs, job_id: str, steps: int = 200, **facts: Any) -> None:
    """A job that has run so far."""
    told = {"loss": 8.0 / (1 + steps / 50), "tokens_per_second": 1234.5}
    jobs.put(
        job_id, **{"state": "running", "step": steps, "metrics": told, "attempt": 1, "started_at": AT} | facts
    )
    points = [
        point(step, loss=8.0 / (1 + step / 50), learning_rate=2e-3 * (1 - step / 400), gradient_norm=1.5,
              tokens_per_second=1200.0 + step, memory_bytes=2.5e9)
        for step in range(10, steps + 1, 10)
    ]  # fmt: skip
    checked = [
        point(step, evaluation=True, loss=8.4 / (1 + step / 50)) for step in range(100, steps + 1, 100)
    ]
    lines = [{"event": "step", "at": 0.5, "step": step, "loss": 2.0} for step in range(10, steps + 1, 10)]
    sample = {"event": "sample", "at": 1.0, "step": steps, "prompt": "To be", "text": " or not to be"}
    jobs.tell(job_id, *points, *checked, lines=(*lines, sample))


def figure(page: Page, title: str) -> Any:
    return page.locator("figure.plot").filter(has_text=title)


def test_a_run_is_followed_to_its_version(tabs: Callable[..., Tab], jobs: PlayedJobs) -> None:
    tab = tabs()
    page = tab.open("/training")
    expect(page.get_by_text("Nothing was trained yet.")).to_be_visible()
    jobs.put("job_1", events=[happened("submitted", STRINGS[0])])
    page.get_by_role("link", name="plays").click()
    page.wait_for_url("**/training/jobs/job_1")
    tab.connected()
    expect(page.get_by_text("Waits for its turn")).to_be_visible()
    expect(page.get_by_text("Nothing was measured yet.").first).to_be_visible()
    run(jobs, "job_1")
    for title in ("Loss", "Learning rate", "Gradient norm", "Tokens a second", "Memory"):
        expect(figure(page, title).locator("svg path").first).to_be_attached()
    expect(figure(page, "Loss")).to_contain_text("training: 1.6 at step 200")
    expect(figure(page, "Loss")).to_contain_text("validation: 1.68 at step 200")
    expect(figure(page, "Memory")).to_contain_text("memory bytes: 2.5 GB at step 200")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.5000")
    expect(page.locator(".progress")).to_contain_text("step 200 of 400 (50 %)")
    expect(page.get_by_role("region", name="Samples")).to_contain_text("or not to be")
    expect(page.get_by_role("log")).to_contain_text("step 200: loss 2")
    expect(page.get_by_role("region", name="Events")).to_contain_text(STRINGS[0])
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    cancel.focus()
    jobs.tell("job_1", point(210, loss=1.25), lines=({"event": "note", "sentence": "a new line"},))
    expect(figure(page, "Loss")).to_contain_text("training: 1.25 at step 210")
    expect(page.get_by_role("log")).to_contain_text("a new line")
    expect(cancel).to_be_focused()
    made = {"model": "plays", "version": 3, "digest": f"sha256:{'e' * 64}"}
    jobs.put("job_1", state="succeeded", step=400, produced=made, ended_at=AT)
    expect(page.locator(".ending")).to_contain_text("Succeeded: it made plays:3")
    link = page.get_by_role("link", name="The version that it made: plays:3")
    expect(link).to_have_attribute("href", "/models/plays/versions/3")
    page = tab.open("/training")
    expect(page.get_by_role("region", name="Jobs that have ended")).to_contain_text("plays:3")


def test_a_job_without_curves_has_no_empty_places(tabs: Callable[..., Tab], jobs: PlayedJobs) -> None:
    jobs.put("job_1", kind="import", name="brought", state="publishing", total_steps=0)
    tab = tabs()
    page = tab.open("/training")
    expect(page.get_by_role("article")).to_contain_text("Is being fetched")
    expect(page.get_by_role("article")).to_contain_text("import, submitted")
    expect(page.get_by_role("progressbar")).to_be_hidden()
    page = tab.open("/training/jobs/job_1")
    expect(page.get_by_text("Is being fetched", exact=True)).to_be_visible()
    jobs.put("job_1", metrics={"fraction": 0.25}, message="it is downloaded")
    expect(page.locator(".progress")).to_have_text("25 %")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.2500")
    expect(page.get_by_text("it is downloaded")).to_be_visible()
    titles = page.get_by_role("heading", level=2)
    expect(titles.filter(visible=True)).to_have_text(["Progress", "Events", "Recipe"])
    expect(page.get_by_role("link", name="Compare with another run")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_enabled()
    made = {"model": "brought", "version": 1, "digest": f"sha256:{'e' * 64}"}
    jobs.put("job_1", state="succeeded", produced=made, ended_at=AT, metrics={}, message="")
    expect(page.locator(".ending")).to_contain_text("Succeeded: it made brought:1")
    expect(page.get_by_role("progressbar")).to_be_hidden()
    jobs.put("job_2", kind="evaluate", name="judged", state="succeeded", metrics={"loss": 2.5})
    sample = {"event": "sample", "at": 1.0, "step": 0, "prompt": "To be", "text": " or not"}
    jobs.tell("job_2", point(0, evaluation=True, loss=2.5), lines=(sample,))
    page = tab.open("/training/jobs/job_2")
    expect(page.get_by_role("region", name="Samples")).to_contain_text("or not")
    expect(page.get_by_text("loss", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Curves")).to_be_hidden()
    ended = tab.open("/training").get_by_role("region", name="Jobs that have ended")
    expect(ended.get_by_role("row").nth(1)).to_contain_text("evaluate")
    expect(ended.get_by_role("row").nth(2)).to_contain_text("import")


def test_steps_that_are_told_again_count(tabs: Callable[..., Tab], jobs: PlayedJobs) -> None:
    run(jobs, "job_1", 100)
    page = tabs().open("/training/jobs/job_1")
    expect(figure(page, "Loss")).to_contain_text("at step 100")
    jobs.put("job_1", state="queued", step=40, attempt=1, message="its worker was lost")
    expect(page.get_by_text("its worker was lost")).to_be_visible()
    jobs.put("job_1", state="running", attempt=2, message="")
    jobs.tell("job_1", point(50, loss=0.5))
    expect(figure(page, "Loss")).to_contain_text("training: 0.5 at step 50")


def test_what_is_done_is_asked_for_once_more(tabs: Callable[..., Tab], jobs: PlayedJobs) -> None:
    run(jobs, "job_1", 100)
    tab = tabs()
    page = tab.open("/training/jobs/job_1")
    expect(page.get_by_role("button", name="Retry")).to_be_disabled()
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill(STRINGS[1])
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Is being stopped", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Events")).to_contain_text(STRINGS[1])
    jobs.put("job_1", state="cancelled", message="cancelled by acme/ann", ended_at=AT)
    expect(page.locator(".ending")).to_contain_text("Cancelled at step 100 of 400")
    page.get_by_role("button", name="Resume").click()
    jobs.put("job_1", state="queued")
    dialog.get_by_role("button", name="Resume the job").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Not as things are now: the job is queued")
    expect(dialog).to_contain_text("It is now: waits for its turn.")
    jobs.put("job_1", state="cancelled")
    dialog.get_by_role("button", name="Resume the job").click()
    expect(dialog).to_have_count(0)
    jobs.put("job_1", state="running", step=110)
    expect(page.locator(".progress")).to_contain_text("step 110")  # it is followed again
    jobs.put("job_1", state="failed", message="loss is nan")
    expect(page.locator(".ending.bad")).to_contain_text("loss is nan")
    page.get_by_role("button", name="Retry").click()
    dialog.get_by_role("button", name="Begin a new job").click()
    page.wait_for_url("**/training/jobs/job_000001")
    tab.connected()
    expect(page.get_by_role("link", name="The job that this one retries")).to_be_visible()
    acts = [path.rpartition("/")[2] for path, _ in jobs.posted]
    assert acts == ["cancel", "resume", "resume", "retry"]


def test_a_recipe_is_submitted_and_what_is_wrong_stands_at_its_field(
    tabs: Callable[..., Tab], jobs: PlayedJobs
) -> None:
    page = tabs().open("/training")
    page.get_by_role("button", name="Submit a recipe").click()
    page.wait_for_url("**/training/new")
    page.wait_for_function("() => window.did_handshake === true")
    recipe = page.get_by_label("Recipe (YAML)")
    assert "tokenizer" in recipe.input_value()
    recipe.fill(CHANGED)
    why = "recipe.steps must be a whole number from 1 to 100000000"
    jobs.refusals["/training/jobs"] = (400, "invalid_argument", why, {"field": "recipe.steps"})
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".recipe-field [role=alert]")).to_have_text(f"{why} (line 2)")
    expect(recipe).to_be_focused()
    jobs.refusals.clear()
    page.get_by_label("Priority").fill("7.5")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".short [role=alert]")).to_have_text("priority must be a whole number")
    expect(page.locator(".recipe-field [role=alert]")).to_have_count(0)
    page.get_by_label("Priority").fill("7")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/training/jobs/job_000000")
    assert jobs.posted[-1] == ("/training/jobs", {"recipe": CHANGED, "priority": 7})
    page.wait_for_function("() => window.did_handshake === true")
    page.get_by_role("link", name="Change its recipe for a new run").click()
    page.wait_for_url("**/training/new?like=job_000000")
    expect(page.get_by_label("Recipe (YAML)")).to_have_value(CHANGED)


def test_two_runs_are_compared(tabs: Callable[..., Tab], jobs: PlayedJobs) -> None:
    run(jobs, "job_1", 100, state="succeeded", name="first")
    run(jobs, "job_2", 200, name="second", recipe=CHANGED)
    page = tabs().open("/training/compare?one=job_1")
    loss = figure(page, "Loss")
    for told in ("Run A, training: 2.667 at step 100", "Run B, validation: 1.68 at step 200"):
        expect(loss).to_contain_text(told)
    expect(loss.locator(".legend li")).to_have_count(4)
    expect(page.get_by_role("region", name="Recipes compared")).to_contain_text("+ steps: 800")
    expect(page.get_by_role("region", name="Runs compared")).to_contain_text("succeeded")
    run(jobs, "job_3", 100, state="failed", name="third")
    page.goto("/training/compare")
    page.get_by_label("Run A").click()
    page.get_by_role("option", name="first").click()
    expect(page.get_by_role("link", name="The job of run A")).to_have_attribute(
        "href", "/training/jobs/job_1"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_key_that_may_not_is_told_and_nothing_is_sideways_on_a_phone(
    tabs: Callable[..., Tab], jobs: PlayedJobs, scheme: str
) -> None:
    run(jobs, "job_1", 200)
    run(jobs, "job_2", 100, name="a-run-with-a-long-name-that-is-wider-than-a-phone")
    jobs.who = jobs.who | {"roles": ["caller"], "may": ["GET /training/jobs", "GET /training/jobs/{id}"]}
    tab = tabs(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for path in ("/training", "/training/jobs/job_1", "/training/compare", "/training/new"):
        page = tab.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    expect(page.get_by_text("Submitting a recipe takes the role")).to_be_visible()
    page = tab.open("/training/jobs/job_1")
    expect(page.get_by_text("Cancelling a job takes the role")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    expect(figure(page, "Loss").locator("svg path").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_job_that_is_not_there_and_a_gateway_that_is_away_are_told(
    tabs: Callable[..., Tab], jobs: PlayedJobs
) -> None:
    tab = tabs()
    expect(tab.open("/training/jobs/job_none").get_by_role("alert")).to_contain_text("There is no such thing")
    run(jobs, "job_1", 100)
    page = tab.open("/training/jobs/job_1")
    expect(figure(page, "Loss")).to_be_visible()
    jobs.refusals["job_1/metrics"] = (404, "not_found", "there is nothing now", {})
    notice = page.get_by_text("What stands below is what was seen last.")
    expect(notice).to_be_visible()
    jobs.refusals.clear()
    expect(notice).to_have_count(0)
    expect(figure(page, "Loss")).to_be_visible()
