"""How far a run is, by its log, and what is said beside the bar."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.cli.course import Course, Remark, figures, measured, time_left, told

_NAMES = st.sampled_from(
    [
        "event",
        "at",
        "step",
        "stage",
        "done",
        "total",
        "prompt",
        "text",
        "sentence",
        "loss",
        "tokens_per_second",
    ]
)
_KINDS = st.sampled_from(["progress", "began", "step", "evaluation", "sample", "checkpoint", "note", "nan"])
_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | _KINDS | st.just(10**400)
_LINES = st.dictionaries(_NAMES, _VALUES | st.lists(_VALUES)).map(json.dumps) | st.text()


def line(event: str, **facts: Any) -> str:
    return json.dumps({"event": event, "at": 1_900_000_000.0} | facts)


def after(*lines: str) -> Course:
    course = Course()
    for each in lines:
        course.read(each)
    return course


def test_stages_beside_the_training_are_told_until_it_begins() -> None:
    course = after(line("progress", stage="prepare data", done=3, total=12))
    assert (course.stage, course.done, course.total) == ("prepare data", 3, 12)
    course.read(line("began", step=40))
    assert (course.stage, course.step, course.figures) == ("", 40, "")
    course.read(line("progress", stage="export", done=0, total=1))
    assert course.stage == "export"


def test_the_last_report_has_the_figures() -> None:
    values = {"learning_rate": 0.001, "loss": 2.31, "tokens_per_second": 12345.6, "gradient_norm/x": 1.0}
    course = after(line("step", step=10, loss=9.0), line("step", step=20, **values))
    assert (course.step, course.figures) == (20, "loss 2.310  rate 1.0e-03  12,346 tokens/s")
    assert figures({"loss": "nan", "learning_rate": None, "tokens_per_second": True}) == "loss nan"
    assert measured({"step": 3, "at": 5.0} | values) == (
        "learning_rate 0.001, loss 2.31, tokens_per_second 1.235e+04"
    )


def test_the_time_that_is_left_goes_by_the_last_reports() -> None:
    course = after(*(line("step", step=step, at=100.0 + 2 * step) for step in range(0, 400, 10)))
    course.read(line("step", step=400, at=100.0 + 2 * 390 + 210))  # slower now: 570 s for 190 steps
    assert course.seconds_left(500) == pytest.approx(100 * 570 / 190)
    assert time_left(course, 500) == "5m00s left"
    assert course.seconds_left(400) == 0


def test_steps_that_are_run_again_count_anew() -> None:
    reports = [line("step", step=step, at=100.0 + step) for step in (10, 20, 30)]
    assert after(*reports, line("step", step=20, at=500.0)).seconds_left(40) is None
    again = after(*reports, line("step", step=20, at=500.0), line("step", step=30, at=505.0))
    assert again.seconds_left(40) == 5
    assert after(*reports, line("began", step=30)).seconds_left(40) is None


@pytest.mark.parametrize("at", ["nan", None, float("inf"), 1e300], ids=str)
def test_no_time_is_told_by_what_is_none(at: object) -> None:
    course = after(line("step", step=10, at=5.0), line("step", step=20, at=at))
    assert course.seconds_left(1000) is None
    assert time_left(course, 1000) == ""


def test_what_a_person_should_see() -> None:
    course = Course()
    assert course.read(line("evaluation", step=20, loss=6.91337, perplexity=1005.6)) == Remark(
        "step 20: validation loss 6.913, perplexity 1006"
    )
    assert course.read(line("sample", step=20, prompt="To be", text=" or\nnot")) == Remark(
        "step 20: 'To be' goes on:\n  |  or\n  | not", dim=True
    )
    assert course.read(line("note", sentence="step 7 was left out")) == Remark("step 7 was left out")
    assert course.read(line("checkpoint", step=20)) is None
    assert course.read(line("of a newer platform", step=20)) is None


def test_a_line_of_the_log() -> None:
    assert told(line("step", step=40, loss=2.3104, skipped=0)) == "17:46:40  step 40  loss=2.31 skipped=0"
    assert told(line("note", sentence="so\nit is")) == "17:46:40  note  sentence=so\nit is"
    assert told(line("note", at="nan", facts={"é": 1})) == 'note  facts={"é": 1}'
    assert told("killed") == "killed"
    assert len(told(line("note", sentence="x" * 9000))) == 2000


@settings(max_examples=60)
@given(st.lists(_LINES, max_size=5))
def test_whatever_a_log_says_is_survived(lines: list[str]) -> None:
    course = Course()
    for each in lines:
        remark = course.read(each)
        assert remark is None or remark.text == remark.text[:5000]
        assert len(told(each)) <= 2000
    assert len(course.figures) < 1000
    left = course.seconds_left(100)
    assert left is None or left >= 0
    assert isinstance(time_left(course, 100), str)
