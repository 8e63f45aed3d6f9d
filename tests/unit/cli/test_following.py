"""A job is followed to its end, over breaks of the connection."""

import json
from typing import Any

import httpx
import pytest

from colonnade.cli.course import Course
from colonnade.cli.following import Follower, ending, step_of
from colonnade.cli.terminal import Step
from colonnade.client import Colonnade, Job, Produced
from colonnade.errors import NotFound, Unavailable
from tests.unit.client.platform import Caller, answer, refused

QUEUED = {"id": "job_1", "kind": "train", "name": "tiny", "state": "queued", "total_steps": 40}
RUNNING = QUEUED | {"state": "running"}
DONE = QUEUED | {"state": "succeeded", "step": 40}


def log(begin: int, *told: dict[str, Any]) -> httpx.Response:
    lines = [{"line": json.dumps(each), "offset": begin + n} for n, each in enumerate(told, 1)]
    return answer({"lines": lines, "offset": begin + len(told)})


def step(number: int) -> dict[str, Any]:
    return {"event": "step", "at": 100.0 + number, "step": number, "loss": 2.5}


def note(sentence: str) -> dict[str, Any]:
    return {"event": "note", "at": 0, "sentence": sentence}


@pytest.fixture
def caller() -> Caller:
    return Caller(Colonnade)


def follow(caller: Caller, **options: Any) -> Job:
    client = caller.client(max_retries=0)
    return Follower(client, "job_1", sleep=caller.slept.append, **options).follow()


def test_it_goes_on_behind_the_last_line_that_it_read(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.answers = [
        answer(QUEUED), log(0),
        answer(RUNNING), log(0, note("first"), step(10)), log(2),
        answer(RUNNING), httpx.ConnectError("gone"),
        refused(503, "unavailable", "training is away"),
        httpx.ReadTimeout("slow"),
        answer(RUNNING), log(2, note("second"), step(20)), httpx.ConnectError("gone"),
        answer(DONE), log(4, note("third")), log(5),
    ]  # fmt: skip
    assert follow(caller).succeeded
    offsets = [each.url.params["offset"] for each in caller.requests if each.url.path.endswith("/logs")]
    assert offsets == ["0", "0", "2", "2", "2", "4", "4", "5"]
    assert caller.slept == [1.0, 1.0, 0.2, 0.4, 0.8, 1.6]
    said = capsys.readouterr().err
    assert [word for word in said.split() if word in ("first", "second", "third")] == [
        "first", "second", "third",
    ]  # fmt: skip
    assert said.count("does not answer") == 1
    assert "learning 10 of 40  loss 2.500" in said


def test_from_now_on_shows_only_what_is_new(caller: Caller, capsys: pytest.CaptureFixture[str]) -> None:
    caller.answers = [
        answer(RUNNING), log(0, note("old"), step(10), step(20)), log(3),
        answer(DONE), log(3, note("new")), log(4),
    ]  # fmt: skip
    follow(caller, from_now=True)
    said = capsys.readouterr().err
    assert "old" not in said
    assert "new" in said
    assert "learning 20 of 40  loss 2.500  20s left" in said


def test_what_the_platform_refuses_is_raised(caller: Caller) -> None:
    caller.answers = [httpx.ConnectError("gone")]
    with pytest.raises(Unavailable):
        follow(caller, from_now=True)
    caller.answers = [answer(RUNNING), log(0), refused(404, "not_found")]
    with pytest.raises(NotFound):
        follow(caller)
    assert caller.slept == [1.0]


def test_a_platform_that_dies_once_it_has_the_job_is_asked_again(caller: Caller) -> None:
    caller.answers = [httpx.ConnectError("gone"), answer(DONE), log(0)]
    assert follow(caller).succeeded
    assert caller.slept == [0.2]


def test_a_bar_shows_where_it_is() -> None:
    course, running = Course(), Job("job_1", "train", "tiny", "running", step=7, total_steps=40)
    assert step_of(running, course) == Step("learning", 7, 40, "7 of 40")
    course.read('{"event": "progress", "stage": "prepare data", "done": 1, "total": 4}')
    assert step_of(running, course) == Step("prepare data", 1, 4, "25%")
    course.read('{"event": "progress", "stage": "prepare data", "done": 1, "total": 0}')
    assert step_of(running, course).told == ""
    waits = Job("job_1", "train", "tiny", "queued", "two are before it", total_steps=40)
    assert step_of(waits, course) == Step("queued", 0, 40, "two are before it")
    assert step_of(Job("job_1", "train", "tiny", "failed", step=3, total_steps=40), course).last
    judged = Job("job_1", "evaluate", "held-out", "running", metrics={"validation.loss": 2.5})
    assert step_of(judged, Course()) == Step("evaluate", 0, 0, "")
    done = Job("job_1", "evaluate", "held-out", "succeeded", metrics={"validation.loss": 2.5})
    assert ending(done) == "job_1 succeeded, validation loss 2.500."


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (
            Job("j", "train", "t", "succeeded", "", 9, 9, metrics={"loss": 2.0, "validation.loss": 2.5},
                produced=Produced("t", 4)),
            "j succeeded at step 9 of 9, loss 2.000, validation loss 2.500. It made t:4; ask it with: "
            "colonnade generate PROMPT --model t:4",
        ),
        (Job("j", "train", "t", "succeeded", "", 9, 9), "j succeeded at step 9 of 9."),
        (Job("j", "train", "t", "failed", "steps: too few", 0, 9), "j failed at step 0 of 9: steps: too few"),
        (
            Job("j", "train", "t", "cancelled", "", 5, 9, metrics={"loss": None}),
            "j cancelled at step 5 of 9\n"
            "It goes on from its last checkpoint with: colonnade jobs resume j",
        ),
    ],
    ids=["registered", "not registered", "failed", "cancelled"],
)  # fmt: skip
def test_an_ending_says_what_to_do(job: Job, said: str) -> None:
    assert ending(job) == said
