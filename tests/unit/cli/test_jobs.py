"""``colonnade train`` and ``colonnade jobs``."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.stub import Answer, Seen, Stub, error

Run = Callable[..., Any]
AT = "2030-01-02T03:04:05Z"
RUNNING = {
    "id": "job_1", "kind": "train", "name": "tiny", "state": "running", "message": "", "step": 20,
    "total_steps": 40, "priority": 5,
    "metrics": {"loss": 2.5, "gradient_norm/x": 1.0, "validation.loss": 2.75},
    "attempt": 2, "lost": 1, "retry_of": "job_0", "place": "process 7", "tenant": "local",
    "by": "local/ann", "recipe_digest": "sha256:ab", "produced": None, "created_at": AT, "since": AT,
    "started_at": AT, "seen_at": AT, "ended_at": None, "revision": 3,
}  # fmt: skip
DONE = RUNNING | {
    "state": "succeeded", "step": 40, "ended_at": AT,
    "produced": {"model": "tiny", "version": 4, "digest": "sha256:cd"},
}  # fmt: skip
TOLD = [
    '{"event": "step", "at": 0.0, "step": 20, "loss": 2.5}',
    '{"event": "sample", "at": 1.0, "step": 20, "prompt": "To be", "text": "\\u001b[31m or"}',
]


def serve(stub: Stub, job: dict[str, Any]) -> None:
    """A job, with a log of two lines."""
    lines = [{"line": line, "offset": 10 * number} for number, line in enumerate(TOLD, 1)]
    stub.routes["GET", "/training/jobs/job_1"] = Answer(body=job)
    for offset in range(0, 30, 10):
        page = {"lines": lines[offset // 10 :], "offset": 20}
        stub.routes["GET", f"/training/jobs/job_1/logs?offset={offset}"] = Answer(body=page)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny  # é\n")
    return str(path)


def test_a_model_is_trained_and_followed_to_its_end(stub: Stub, colonnade: Run, recipe: str) -> None:
    stub.routes["POST", "/training/jobs"] = Answer(201, RUNNING)
    serve(stub, DONE)
    done = colonnade("train", recipe, "--priority", "-3")
    assert (done.status, done.out) == (0, "job_1\n")
    assert "'To be' goes on:\n  | [31m or" in done.err
    assert "job_1 succeeded at step 40 of 40, loss 2.500, validation loss 2.750. It made tiny:4" in done.err
    assert stub.seen[0].body == {"recipe": "name: tiny  # é\n", "priority": -3}
    assert stub.seen[0].headers["idempotency-key"]


def test_one_that_fails_fails_the_command(stub: Stub, colonnade: Run, recipe: str) -> None:
    stub.routes["POST", "/training/jobs"] = Answer(201, RUNNING)
    serve(stub, DONE | {"state": "failed", "message": "model.with: width must be 8", "produced": None})
    done = colonnade("train", recipe)
    assert (done.status, done.out) == (1, "job_1\n")
    assert "job_1 failed at step 40 of 40: model.with: width must be 8" in done.err


def test_it_is_left_to_itself(stub: Stub, colonnade: Run, recipe: str) -> None:
    stub.routes["POST", "/training/jobs"] = Answer(201, RUNNING)
    done = colonnade("train", "-", "--detach", stdin="name: é\n".encode())
    assert (done.status, done.out, done.err) == (0, "job_1\n", "")
    assert [seen.method for seen in stub.seen] == ["POST"]
    assert stub.last.body == {"recipe": "name: é\n"}


def test_ctrl_c_leaves_it_running(stub: Stub) -> None:
    serve(stub, RUNNING)
    looked = threading.Semaphore(0)

    def look(_seen: Seen) -> Answer:
        looked.release()
        return Answer(body=RUNNING)

    stub.routes["GET", "/training/jobs/job_1"] = look
    command = [sys.executable, "-m", "colonnade.cli.main", "jobs", "watch", "job_1", "--url", stub.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watching:
        try:
            assert all(looked.acquire(timeout=60) for _ in range(2))  # it is under way
            watching.send_signal(signal.SIGINT)
            said = watching.communicate(timeout=60)[1]
        finally:
            watching.kill()
    assert watching.returncode == 130
    assert "job_1 goes on without this command. Back to it with: colonnade jobs watch job_1" in said
    assert "end it with: colonnade jobs cancel job_1" in said
    assert {seen.method for seen in stub.seen} == {"GET"}


def test_a_recipe_that_cannot_be_one(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"name: \xff")
    (tmp_path / "large").write_bytes(b"#" * (256 * 1024 + 1))
    (tmp_path / "link").symlink_to(tmp_path / "binary")
    for name, status, reason in (
        ("binary", 1, "binary is not valid UTF-8"),
        ("link", 1, "link is not valid UTF-8"),
        ("large", 1, "at most 262144"),
        ("none", 1, "none does not exist"),
        (".", 2, "recipe"),
    ):
        done = colonnade("train", str(tmp_path / name))
        assert (done.status, reason in done.err) == (status, True), done
    assert not stub.seen
    refusal = error(400, "invalid_argument", "recipe.steps must be at least 1", field="recipe.steps")
    stub.routes["POST", "/training/jobs"] = refusal
    refused = colonnade("train", "-", stdin="steps: 0")
    assert (refused.status, refused.out) == (1, "")
    assert "recipe.steps must be at least 1 (request r-42)" in refused.err
    assert "goes on" not in refused.err


def test_they_are_listed(stub: Stub, colonnade: Run) -> None:
    asked = "state=running&state=succeeded&kind=train&name=tiny&by=local%2Fann&tenant=local&page_size=2"
    page = {"jobs": [RUNNING, DONE], "next_page_token": "more"}
    stub.routes["GET", f"/training/jobs?{asked}"] = Answer(body=page)
    options = ("--kind", "train", "--name", "tiny", "--by", "local/ann", "--tenant", "local", "--limit", "2")
    listed = colonnade("jobs", "list", "--state", "running", "--state", "succeeded", *options)
    rows = [row.split() for row in listed.out.splitlines()[1:]]
    assert rows == [
        ["job_1", "train", "tiny", "running", "20/40", "2.500", "2030-01-02", "03:04", "local/ann"],
        [
            "job_1",
            "train",
            "tiny",
            "succeeded",
            "40/40",
            "2.500",
            "tiny:4",
            "2030-01-02",
            "03:04",
            "local/ann",
        ],
    ]
    stub.routes["GET", "/training/jobs?page_size=50"] = Answer(body={"jobs": [], "next_page_token": ""})
    assert "no such job" in colonnade("jobs", "list").err
    assert json.loads(colonnade("jobs", "list", "--json").out) == []


def test_a_job_without_steps_shows_none(stub: Stub, colonnade: Run) -> None:
    fetched = RUNNING | {"kind": "import", "state": "publishing", "message": "fetch model.gguf"}
    fetched |= {"step": 0, "total_steps": 0, "metrics": {"fraction": 0.5}}
    stub.routes["GET", "/training/jobs?page_size=50"] = Answer(
        body={"jobs": [fetched], "next_page_token": ""}
    )
    stub.routes["GET", "/training/jobs/job_1"] = Answer(body=fetched)
    assert "/0" not in colonnade("jobs", "list").out
    shown = colonnade("jobs", "show", "job_1").out
    assert shown.startswith("job_1  tiny  publishing, import\n  fetch model.gguf\n")
    assert "fraction 0.5" in shown


def test_one_is_shown(stub: Stub, colonnade: Run) -> None:
    events = [{"at": AT, "what": "lost", "by": "training", "words": "the worker ended"}]
    body = DONE | {"recipe": "name: tiny\n", "events": events, "message": "well done"}
    stub.routes["GET", "/training/jobs/job_1"] = Answer(body=body)
    assert colonnade("jobs", "show", "job_1").out.splitlines() == [
        "job_1  tiny  succeeded, step 40 of 40",
        "  well done",
        "  learning: loss 2.5",
        "  validation: loss 2.75",
        "  made tiny:4  sha256:cd",
        "  submitted 2030-01-02 03:04:05 by local/ann, priority 5, a retry of job_0",
        "  started 2030-01-02 03:04:05, attempt 2 in process 7, 1 lost in a row",
        "  ended 2030-01-02 03:04:05",
        "  2030-01-02 03:04:05  lost  training  the worker ended",
    ]
    assert colonnade("jobs", "show", "job_1", "--recipe").out == "name: tiny\n"
    assert json.loads(colonnade("jobs", "show", "job_1", "--json").out)["produced"]["version"] == 4
    queued = {"id": "job_1", "kind": "train", "name": "tiny", "state": "queued"}
    stub.routes["GET", "/training/jobs/job_1"] = Answer(body=queued)
    assert colonnade("jobs", "show", "job_1").out.splitlines()[0] == "job_1  tiny  queued, train"
    missing = colonnade("jobs", "watch", "job_2")
    assert (missing.status, "goes on" in missing.err) == (1, False)


def test_its_log_is_read(stub: Stub, colonnade: Run) -> None:
    serve(stub, DONE)
    assert colonnade("jobs", "logs", "job_1").out.splitlines() == [
        "00:00:00  step 20  loss=2.5", "00:00:01  sample 20  prompt=To be text=[31m or",
    ]  # fmt: skip
    assert colonnade("jobs", "logs", "job_1", "--raw").out.splitlines() == TOLD
    assert colonnade("jobs", "logs", "job_1", "-n", "1", "--raw").out.splitlines() == TOLD[1:]


def test_its_log_is_followed(stub: Stub, colonnade: Run) -> None:
    serve(stub, DONE)
    more = [{"line": '{"event": "note"}', "offset": 30}, f"event: end\ndata: {json.dumps(DONE)}\n\n"]
    stub.routes["GET", "/training/jobs/job_1/logs?offset=20&follow=true"] = Answer(events=more)
    followed = colonnade("jobs", "logs", "job_1", "-n", "1", "-f", "--raw")
    assert followed.out.splitlines() == [TOLD[1], '{"event": "note"}']
    stub.routes["GET", "/training/jobs/job_1/logs?offset=0&follow=true"] = Answer(events=more)
    assert colonnade("jobs", "logs", "job_1", "-f").out == "note\n"


def test_one_is_cancelled_resumed_and_retried(stub: Stub, colonnade: Run) -> None:
    stopping = RUNNING | {"state": "stopping", "message": "writes a checkpoint"}
    stub.routes["POST", "/training/jobs/job_1/cancel"] = Answer(body=stopping)
    cancelled = colonnade("jobs", "cancel", "job_1", "--why", "too hot")
    assert (cancelled.status, cancelled.err) == (0, "job_1 is stopping: writes a checkpoint\n")
    assert stub.last.body == {"why": "too hot"}
    stub.routes["POST", "/training/jobs/job_1/resume"] = Answer(body=RUNNING | {"state": "queued"})
    assert colonnade("jobs", "resume", "job_1").err == "job_1 is queued\n"
    serve(stub, DONE)
    watched = colonnade("jobs", "resume", "job_1", "--watch")
    assert "job_1 succeeded" in watched.err
    assert "'To be' goes on" not in watched.err
    stub.routes["POST", "/training/jobs/job_0/retry"] = Answer(201, RUNNING)
    retried = colonnade("jobs", "retry", "job_0", "--watch")
    assert (retried.status, retried.out) == (0, "job_1\n")
    assert "job_1 succeeded" in retried.err


def test_following_looks_again(stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(stub, RUNNING)
    looks: list[str] = []

    def look(seen: Seen) -> Answer:
        looks.append(seen.path)
        return Answer(body=RUNNING if len(looks) == 1 else DONE)

    stub.routes["GET", "/training/jobs/job_1"] = look
    monkeypatch.setattr("colonnade.cli.following.LOOK_SECONDS", 0.0)
    assert colonnade("jobs", "watch", "job_1").status == 0
    assert len(looks) == 2
