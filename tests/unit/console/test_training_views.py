"""Training jobs in words, curves and plots, without a page."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.client import Job, JobEvent, LogLine, Point, Produced
from colonnade.console.views import jobs, links, plots, recipes, run_log
from colonnade.console.views.acts import Act, hints_of
from colonnade.console.views.curves import MOST, Measured, thinned
from colonnade.learn.recipe.reading import parse_recipe

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
JOB = Job(
    "job_0a1b2c3d4e", "train", "plays", "running", step=1200, total_steps=4000, attempt=1, by="acme/ann",
    metrics={"validation.loss": 2.5, "mfu": 0.12345, "loss": 2.25, "tokens_per_second": 12345.6},
    created_at=NOW, started_at=NOW, seen_at=NOW,
)  # fmt: skip
SILENT = replace(JOB, seen_at=NOW - timedelta(seconds=30))
ENDED = ("succeeded", "failed", "cancelled")
KINDS = ("train", "evaluate", "convert", "import")


def at(step: int, value: float | None = 1.0, *, evaluation: bool = False, name: str = "loss") -> Point:
    return Point(step, NOW + timedelta(seconds=step), evaluation, {name: value})


def steps(run: Measured, name: str = "loss", *, evaluation: bool = False) -> list[int]:
    return [step for step, _ in run.curve(name, evaluation=evaluation)]


def line(text: str, offset: int = 1) -> LogLine:
    return LogLine(text, offset)


def said(**facts: object) -> LogLine:
    return line(json.dumps(facts))


def test_what_is_told_again_counts() -> None:
    run = Measured()
    run.add([at(10), at(20), at(30), at(30, 9.0, evaluation=True)])
    run.add([at(20, 2.0)])
    assert run.curve("loss") == ((10, 1.0), (20, 2.0))
    assert steps(run, evaluation=True) == [30]


def test_it_is_asked_on_from_where_it_was_and_back_where_the_worker_went_back() -> None:
    run = Measured()
    assert run.from_step(35) == 0
    run.add([at(10), at(20), at(30)])
    assert run.from_step(45) == 30
    assert run.from_step(12) == 12
    assert run.from_step(50) == 12, "what was told meanwhile is of steps after those"


def test_only_known_figures_and_a_few_of_memory_are_kept() -> None:
    run = Measured()
    run.add([at(1, name="gradient_norm/block_1"), at(1, name="loss")])
    run.add([at(1, name=f"memory_{number}") for number in range(100)])
    assert steps(run, "gradient_norm/block_1") == []
    assert len(run.memory) == 8


@pytest.mark.parametrize(
    ("told", "pace"), [([], 0.0), ([10], 0.0), ([10, 20, 20, 40], 1.0), ([100, 200, 50], 0.0)]
)
def test_a_pace_is_told_of_steps_that_follow_each_other(told: list[int], pace: float) -> None:
    run = Measured()
    run.add(at(step) for step in told)
    assert run.pace == pace


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=3 * MOST),
    st.integers(1, 1000),
)
def test_of_a_long_curve_the_extremes_and_the_last_stay(values: list[float | None], apart: int) -> None:
    points = [(number * apart, value) for number, value in enumerate(values)]
    kept = thinned(points)
    numbers = [value for value in values if value is not None]
    assert len(kept) <= MOST + 1
    assert kept[-1] == points[-1]
    assert list(kept) == sorted(set(kept) & set(points), key=lambda point: point[0])
    if numbers:
        shown = [value for _, value in kept if value is not None]
        assert (min(shown), max(shown)) == (min(numbers), max(numbers))


def test_a_run_of_a_million_steps_is_a_few_hundred_points() -> None:
    run = Measured()
    run.add(at(step, float(step)) for step in range(0, 1_000_000, 50))
    assert len(run.curve("loss")) <= 2 * MOST
    assert run.curve("loss")[-1] == (999_950, 999_950.0)


def test_loss_has_its_place_and_the_others_where_they_were_told() -> None:
    run = Measured()
    assert [plot.title for plot in plots.plots_of(run)] == ["Loss"]
    run.add([at(1), at(1, 1e-3, name="learning_rate"), at(1, 5e9, name="peak_memory_bytes")])
    assert [plot.title for plot in plots.plots_of(run)] == ["Loss", "Learning rate", "Memory (GB)"]
    [memory] = plots.plots_of(run)[-1].lines
    assert (memory.label, memory.hue) == ("peak memory bytes", 1)
    assert plots.words_of(plots.plots_of(run)[-1]) == ["peak memory bytes: 5.0 GB at step 1"]


def test_a_plot_says_in_words_where_its_lines_are() -> None:
    run = Measured()
    run.add([at(10, 3.0), at(20, 2.0), at(30, 2.5), at(30, None, evaluation=True)])
    assert plots.words_of(plots.plots_of(run)[0]) == [
        "training: 2.5 at step 30, least 2 at step 20",
        "validation: no number at step 30",
    ]


def test_two_runs_have_colours_and_their_validation_is_dashed() -> None:
    compared = plots.losses_of([("Run A", Measured()), ("Run B", Measured())])
    assert [(each.label, each.hue, each.dashed) for each in compared.lines] == [
        ("Run A, training", 1, False),
        ("Run A, validation", 1, True),
        ("Run B, training", 2, False),
        ("Run B, validation", 2, True),
    ]


def keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for each in value.values() for key in keys(each)}
    return {key for each in value for key in keys(each)} if isinstance(value, list) else set()


def test_no_key_of_what_is_drawn_is_taken_for_a_script() -> None:
    run = Measured()
    run.add([at(1, name=":memory"), at(2, 0.123456789)])
    for plot in plots.plots_of(run):
        assert not [key for key in keys(plots.options_of(plot)) if key.startswith(":")]
    assert plots.series_of(plots.plots_of(run)[0])[0]["data"] == [[2, 0.12346]]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("loss", 2.34567, "2.346"),
        ("loss", None, "no number"),
        ("loss", float("inf"), "no number"),
        ("tokens_per_second", 123456.7, "123\u202f457"),
        ("memory_bytes", 2.5e9, "2.5 GB"),
        ("flops_per_second", 9.348e9, "9.35B"),
    ],
)
def test_figures_as_people_read_them(name: str, value: float | None, told: str) -> None:
    assert plots.figure_of(name, value) == told


@pytest.mark.parametrize(
    ("job", "pace", "told"),
    [
        (JOB, 0.0, "step 1\u202f200 of 4\u202f000 (30 %)"),
        (JOB, 10.0, "step 1\u202f200 of 4\u202f000 (30 %), about 5 min left"),
        (SILENT, 0.0, "step 1\u202f200 of 4\u202f000 (30 %), silent for 30 s"),
        (replace(JOB, state="failed"), 10.0, "step 1\u202f200 of 4\u202f000 (30 %)"),
        (replace(JOB, state="publishing", step=4000), 0.0, "step 4\u202f000 of 4\u202f000 (100 %)"),
        (replace(JOB, step=0, total_steps=0), 1.0, ""),
        (replace(SILENT, step=0, total_steps=0), 1.0, "silent for 30 s"),
    ],
)  # fmt: skip
def test_progress(job: Job, pace: float, told: str) -> None:
    assert jobs.progress_of(job, pace, NOW) == told


@given(st.integers(), st.integers(), st.sampled_from([*jobs.GOING, *ENDED, "new"]), st.sampled_from(KINDS))
def test_a_share_is_one(step: int, total: int, state: str, kind: str) -> None:
    assert 0 <= jobs.share_of(replace(JOB, step=step, total_steps=total, state=state, kind=kind)) <= 1


@pytest.mark.parametrize(
    ("state", "may"),
    [
        ("queued", "cancel"),
        ("running", "cancel"),
        ("stopping", ""),
        ("publishing", ""),
        ("succeeded", "retry"),
        ("failed", "resume retry"),
        ("cancelled", "resume retry"),
    ],
)
def test_what_may_be_done_when(state: str, may: str) -> None:
    job = replace(JOB, state=state)
    assert " ".join(act.name for act in jobs.acts_of(job) if not act.hint) == may
    refused = jobs.acts_of(job, dict.fromkeys(("cancel", "resume", "retry"), "It takes the role admin."))
    assert hints_of(refused) == "It takes the role admin."


@pytest.mark.parametrize(
    ("kind", "told", "share", "may"),
    [
        ("train", "becomes a version", 1.0, ""),
        ("convert", "becomes a version", 1.0, ""),
        ("evaluate", "is being recorded", 1.0, ""),
        ("import", "is being fetched", 1.0, "cancel"),
    ],
)
def test_what_is_done_last_by_each_kind(kind: str, told: str, share: float, may: str) -> None:
    job = replace(JOB, kind=kind, state="publishing")
    assert (jobs.state_of(job), jobs.share_of(job)) == (told, share)
    assert " ".join(act.name for act in jobs.acts_of(job) if not act.hint) == may


@pytest.mark.parametrize(
    ("metrics", "counted", "told"),
    [
        ({}, False, ""),
        ({"fraction": None}, False, ""),
        ({"fraction": 0.416}, True, "42 %"),
        ({"fraction": 7.0}, True, "100 %"),
    ],
)
def test_how_much_is_fetched(metrics: dict[str, float | None], counted: bool, told: str) -> None:
    job = replace(JOB, kind="import", state="publishing", step=0, total_steps=0, metrics=metrics)
    assert (jobs.is_counted(job), jobs.progress_of(job)) == (counted, told)
    assert jobs.figures_of(job) == []


def test_only_a_run_that_learns_is_said_to_have_checkpoints() -> None:
    for kind in KINDS:
        told = " ".join(act.told for act in jobs.acts_of(replace(JOB, kind=kind)))
        assert ("checkpoint" in told) == (kind == "train")
    assert jobs.facts_of(replace(JOB, kind="import"))[0] == ("Kind", "import")


def test_why_not_is_said_once() -> None:
    acts = [Act("a", "A", ""), Act("b", "B", "", "Too late."), Act("c", "C", "", "Too late.")]
    assert hints_of(acts) == "B and C: Too late."
    assert hints_of(acts[1:]) == "Too late."
    assert hints_of([*acts, Act("d", "D", "", "Too soon.")]) == "B and C: Too late. D: Too soon."
    assert hints_of(acts[:1]) == ""


def test_how_it_ended() -> None:
    assert jobs.ending_of(JOB) is None
    made = replace(JOB, state="succeeded", produced=Produced("plays", 3))
    assert jobs.ending_of(made) == jobs.Ending("Succeeded: it made plays:3", "", bad=False)
    assert jobs.ending_of(replace(made, produced=None)) == jobs.Ending("Succeeded", "", bad=False)
    sick = replace(JOB, state="failed", message="loss is nan")
    assert jobs.ending_of(sick) == jobs.Ending(
        "Failed at step 1\u202f200 of 4\u202f000", "loss is nan", bad=True
    )
    away = replace(sick, kind="import", step=0, total_steps=0)
    assert jobs.ending_of(away) == jobs.Ending("Failed", "loss is nan", bad=True)


def test_a_job_in_a_line() -> None:
    assert jobs.first_figures(JOB) == ["loss 2.25", "validation loss 2.5", "tokens per second 12\u202f346"]
    assert [name for name, _ in jobs.figures_of(JOB)] == [
        "loss",
        "validation loss",
        "tokens per second",
        "mfu",
    ]
    assert jobs.first_figures(replace(JOB, metrics={"loss": None})) == []
    assert jobs.label_of(JOB) == "plays (\u20262c3d4e, running, 2030-01-01 12:00 UTC)"
    ended = replace(JOB, ended_at=NOW + timedelta(minutes=4), state="succeeded")
    assert ("Took", "4 min") in jobs.facts_of(ended)
    assert "Took" not in dict(jobs.facts_of(JOB))


def test_events_are_newest_first_and_what_nobody_did_it_did_itself() -> None:
    events = [JobEvent(NOW, "submitted", "acme/ann"), JobEvent(NOW, "lost_worker", "", "gone")]
    assert jobs.event_rows(events) == [
        ("2030-01-01 12:00 UTC", "lost worker", "itself", "gone"),
        ("2030-01-01 12:00 UTC", "submitted", "acme/ann", ""),
    ]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (
            {
                "event": "step", "at": 7.2, "step": 40, "learning_rate": 0.002, "skipped": 0.0,
                "gradient_norm/blocks.0": 0.5, "loss": 2.34567,
            },
            "00:00:07 step 40: loss 2.346, learning rate 0.002, skipped 0",
        ),
        (
            {"event": "note", "at": 0, "sentence": "The loss is far up", "cause": "explosion"},
            "00:00:00 note: The loss is far up, cause explosion",
        ),
        (
            {"event": "progress", "stage": "prepare", "done": 3, "total": 9},
            "--:--:-- progress: stage prepare, done 3, total 9",
        ),
        ({"event": "checkpoint", "at": 1e300, "step": 50}, "--:--:-- checkpoint 50"),
    ],
)  # fmt: skip
def test_a_line_of_a_log(facts: dict[str, object], told: str) -> None:
    assert run_log.told(facts) == told


def test_the_end_of_a_log_and_its_newest_samples_are_kept() -> None:
    log = run_log.RunLog()
    for number in range(1000):
        log.add(LogLine(json.dumps({"event": "checkpoint", "step": number}), number + 1))
    assert (log.read, log.offset, len(log.lines)) == (1000, 1000, run_log.MOST_LINES)
    for step, text in ((1, "a"), (2, "b"), (1, "c")):
        log.add(said(event="sample", step=step, prompt="To be", text=text))
    assert [(each.step, each.text) for each in log.samples] == [(1, "c"), (2, "b")]


NAMES = st.sampled_from(["event", "at", "step", "prompt", "text", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=8)


@given(st.text() | VALUES.map(json.dumps))
def test_every_line_is_told_whatever_it_is(text: str) -> None:
    log = run_log.RunLog()
    log.add(line(text))
    [told] = log.lines
    assert len(told) <= 2000


def test_the_example_is_a_recipe() -> None:
    assert parse_recipe(recipes.EXAMPLE).name == "plays"


@pytest.mark.parametrize(
    ("field", "place"),
    [("recipe.steps", "3"), ("recipe.name", "2"), ("recipe", ""), ("recipe.seed", ""), ("recipe.(", "")],
)  # fmt: skip
def test_where_in_a_recipe_a_field_stands(field: str, place: str) -> None:
    found = recipes.place_of("# steps: 1\nname: x\nsteps : 0\n", field)
    assert found.removeprefix("line ") == place


def test_what_recipes_differ_in() -> None:
    assert recipes.differing("a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n") == ["- b: 2", "+ b: 3", "+ c: 4"]
    assert recipes.differing("a: 1\n", "a: 1\n") == []


def test_no_name_of_a_job_leads_elsewhere() -> None:
    assert links.job_link("../../x?y") == "/training/jobs/..%2F..%2Fx%3Fy"
    assert links.submitting_link("a&b") == "/training/new?like=a%26b"
    assert (links.submitting_link(), links.comparing_link()) == ("/training/new", "/training/compare")
