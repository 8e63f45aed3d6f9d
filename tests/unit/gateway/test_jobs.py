"""``/training/jobs``: what goes to the training service and what comes back, whole and as streams."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from colonnade.errors import Conflict, InvalidArgument, NotFound, Overloaded, Unavailable
from colonnade.gateway.domain.jobs import Alive, Job, JobFilter, JobOrder, LogLine, Point
from colonnade.gateway.http.app import build_routes
from colonnade.gateway.service.following import Following
from colonnade.gateway.service.jobs import Jobs
from tests.harness.described import Described
from tests.unit.gateway.every_route import LOCAL
from tests.unit.gateway.fake_jobs import LINES, MOMENT, POINTS, RECIPE, FakeJobs, job
from tests.unit.gateway.fakes import FakeAudit, House, events
from tests.unit.gateway.served import running

LIMIT = 10.0
AT = "2030-01-02T00:00:00Z"
SHOWN = {
    "id": "job_1", "kind": "train", "name": "plays", "state": "running", "message": "why", "step": 2,
    "total_steps": 4, "priority": 5, "metrics": {"loss": 2.5}, "attempt": 1, "lost": 0, "retry_of": "",
    "place": "here", "tenant": "local", "by": "local/local", "recipe_digest": "sha256:" + "b" * 64,
    "produced": None, "created_at": AT, "since": AT, "started_at": AT, "seen_at": None, "ended_at": None,
    "revision": 7,
}  # fmt: skip
ENDED = SHOWN | {
    "state": "succeeded", "ended_at": AT,
    "produced": {"model": "plays", "version": 3, "digest": "sha256:" + "a" * 64},
}  # fmt: skip
TOLD = [
    {"step": 1, "at": AT, "evaluation": False, "metrics": {"loss": 2.5, "mfu": None}},
    {"step": 2, "at": AT, "evaluation": True, "metrics": {"loss": None}},
]
WRITTEN = [{"line": each.line, "offset": each.offset} for each in LINES]


@pytest.fixture
def house() -> House:
    return House()


async def test_one_is_submitted_once(house: House) -> None:
    body = {"recipe": RECIPE, "kind": "train", "priority": -3}
    async with house.client() as client:
        made = await client.post("/training/jobs", json=body, headers={"idempotency-key": "k1"})
        plain = await client.post("/training/jobs", json={"recipe": RECIPE})
    assert (made.status_code, made.json()) == (201, SHOWN | {"state": "queued"})
    assert plain.status_code == 201
    assert house.jobs.asked == [
        ("submit", JobOrder(RECIPE, "train", -3, "k1")), ("submit", JobOrder(RECIPE)),
    ]  # fmt: skip
    (facts,) = [each[3] for each in house.audit.records if each[0] == "job.submit" and each[2] == "ok"][:1]
    assert (facts["job"], facts["name"], facts["priority"]) == ("job_1", "plays", -3)
    assert RECIPE not in str(house.audit.records), "a recipe may be long, and is kept with the job"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [({}, 400, "recipe"), ({"recipe": ""}, 400, "recipe"), ({"recipe": 7}, 400, "recipe"),
     ({"recipe": "x" * (256 * 1024 + 1)}, 413, "recipe"), ({"recipe": "a: \x07"}, 400, "recipe"),
     ({"recipe": "x", "priority": 101}, 400, "priority"),
     ({"recipe": "x", "priority": -101}, 400, "priority"),
     ({"recipe": "x", "priority": "1"}, 400, "priority"), ({"recipe": "x", "priority": 1.5}, 400, "priority"),
     ({"recipe": "x", "kind": 1}, 400, "kind"), ({"recipe": "x", "kind": "a\nb"}, 400, "kind"),
     ({"recipe": "x", "idempotency_key": "k"}, 400, "idempotency_key")],
    ids=["nothing", "empty", "number", "long", "control", "high", "low", "text", "half", "kind", "lines",
         "more"],
)  # fmt: skip
async def test_what_makes_no_sense(house: House, body: dict[str, Any], status: int, field: str) -> None:
    async with house.client() as client:
        answer = await client.post("/training/jobs", json=body)
        key = await client.post(
            "/training/jobs", json={"recipe": "x"}, headers={"idempotency-key": "x" * 999}
        )
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (status, field)
    assert key.status_code == 400
    assert house.jobs.asked == []


async def test_what_the_training_service_refuses(house: House) -> None:
    async with house.client() as client:
        for error, status in (
            (InvalidArgument("recipe.steps must be a whole number", field="recipe.steps"), 400),
            (Overloaded("local has 1000 jobs in the queue already", retry_after_seconds=60), 429),
            (Conflict("the key was used for something else"), 409),
            (NotFound("there is no job job_1", field="id"), 404),
            (Unavailable("the training service is not reachable"), 503),
        ):
            house.jobs.error = error
            for method, path in (("POST", ""), ("GET", "/job_1/metrics"), ("GET", "/job_1/logs?follow=true")):
                body = {"recipe": RECIPE} if method == "POST" else None
                answer = await client.request(method, f"/training/jobs{path}", json=body)
                assert (answer.status_code, answer.json()["error"]["message"]) == (status, error.message)
    assert house.jobs.streams == 0


async def test_a_page(house: House) -> None:
    query = "state=running&state=publishing&kind=train&name=plays&by=local/ann&tenant=local&page_size=2"
    async with house.client() as client:
        page = await client.get(f"/training/jobs?{query}")
        rest = await client.get("/training/jobs?page_token=next")
    assert page.json() == {"jobs": [SHOWN], "next_page_token": "next"}
    assert rest.json()["next_page_token"] == ""
    wanted = JobFilter(("running", "publishing"), "train", "plays", "local/ann", "local")
    assert house.jobs.asked == [("page", wanted, 2, ""), ("page", JobFilter(), 100, "next")]


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=done", "state[0]"), ("state=running&state=", "state[1]"), ("page_size=0", "page_size"),
     ("page_size=201", "page_size"), ("page_size=x", "page_size"), ("page_token=" + "x" * 65, "page_token"),
     ("kind=%00", "kind"), ("name=" + "x" * 513, "name"), ("by=%0a", "by"), ("tenant=%e2%80%ae", "tenant")],
)  # fmt: skip
async def test_pages_that_make_no_sense(house: House, query: str, field: str) -> None:
    async with house.client() as client:
        answer = await client.get(f"/training/jobs?{query}")
    assert (answer.status_code // 100, answer.json()["error"]["details"]["field"]) == (4, field)
    assert house.jobs.asked == []


async def test_one_is_looked_at_and_changed(house: House) -> None:
    async with house.client() as client:
        found = (await client.get("/training/jobs/job_1")).json()
        cancelled = await client.post("/training/jobs/job_1/cancel", json={"why": "too dear"})
        again = await client.post("/training/jobs/job_1/cancel")
        resumed = await client.post("/training/jobs/job_1/resume", json={})
        retried = await client.post("/training/jobs/job_1/retry", headers={"idempotency-key": "k2"})
    told = [{"at": AT, "what": "submitted", "by": "local/local", "words": ""}]
    assert found == SHOWN | {"recipe": RECIPE, "events": told}
    assert [each.json()["state"] for each in (cancelled, again, resumed)] == [
        "stopping",
        "stopping",
        "queued",
    ]
    assert (retried.status_code, retried.json()["id"], retried.json()["retry_of"]) == (201, "job_2", "job_1")
    assert house.jobs.asked[1:] == [
        ("cancel", "job_1", "too dear"), ("cancel", "job_1", ""), ("resume", "job_1"),
        ("retry", "job_1", "k2"),
    ]  # fmt: skip
    for act in ("cancel", "resume", "retry"):
        assert (f"job.{act}", "ok") in house.audit.seen


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [("cancel", {"why": "x" * 1001}, "why"), ("cancel", {"why": 7}, "why"),
     ("cancel", {"because": ""}, "because"),
     ("resume", {"from": 3}, "from"), ("retry", {"recipe": "x"}, "recipe"), (f"{'x' * 65}/resume", {}, "id")],
)  # fmt: skip
async def test_changes_that_make_no_sense(house: House, act: str, body: dict[str, Any], field: str) -> None:
    path = act if "/" in act else f"job_1/{act}"
    async with house.client() as client:
        answer = await client.post(f"/training/jobs/{path}", json=body)
    assert (answer.status_code // 100, answer.json()["error"]["details"]["field"]) == (4, field)
    assert house.jobs.asked == []


async def test_what_was_measured_and_written_until_now(house: House) -> None:
    async with house.client() as client:
        points = await client.get("/training/jobs/job_1/metrics?from_step=1")
        lines = await client.get("/training/jobs/job_1/logs?offset=0")
    assert points.headers["content-type"] == "application/json"
    assert points.json() == {"points": TOLD}
    assert lines.json() == {"lines": WRITTEN, "offset": 48}
    assert house.jobs.asked == [("points", "job_1", 1, False), ("lines", "job_1", 0, False)]
    assert house.jobs.streams == 0


async def test_nothing_was_measured_and_written_yet(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.gateway.fake_jobs.POINTS", ())
    monkeypatch.setattr("tests.unit.gateway.fake_jobs.LINES", ())
    async with house.client() as client:
        assert (await client.get("/training/jobs/job_1/metrics")).json() == {"points": []}
        assert (await client.get("/training/jobs/job_1/logs?offset=7")).json() == {"lines": [], "offset": 7}


async def test_a_long_list_is_written_in_pieces(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(
        LogLine(json.dumps({"event": "note", "number": at, "said": "é" * 500}), at) for at in range(500)
    )
    monkeypatch.setattr("tests.unit.gateway.fake_jobs.LINES", many)
    async with house.client() as client:
        answer = await client.get("/training/jobs/job_1/logs")
    assert [each["line"] for each in answer.json()["lines"]] == [each.line for each in many]
    assert "content-length" not in answer.headers, "nobody held it"


async def test_a_list_that_breaks_off_is_not_taken_for_whole() -> None:
    async with running() as gateway:
        gateway.house.jobs.late = Unavailable("the training service is not reachable")
        async with aclosing(await gateway.open()) as wire:
            wire.send(b"GET /training/jobs/job_1/metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            answer = await wire.rest()
        assert b"transfer-encoding: chunked" in answer
        assert b"0\r\n\r\n" not in answer, "the last chunk says that this was all"
        await gateway.works()


@pytest.mark.parametrize(
    "query", ["metrics?from_step=-1", "metrics?from_step=x", "logs?offset=-1", f"logs?offset={2**63}",
              "metrics?follow=maybe"]
)  # fmt: skip
async def test_reading_that_makes_no_sense(house: House, query: str) -> None:
    async with house.client() as client:
        answer = await client.get(f"/training/jobs/job_1/{query}")
    field = query.partition("?")[2].partition("=")[0]
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field)
    assert house.jobs.asked == []


@pytest.mark.parametrize(("what", "told"), [("metrics", TOLD), ("logs", WRITTEN)])
async def test_a_stream_ends_with_the_job(house: House, what: str, told: list[Any]) -> None:
    house.jobs.queue.put_nowait(None)
    async with house.client() as client:
        answer = await client.get(f"/training/jobs/job_1/{what}?follow=true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith(": alive\n\ndata: "), "it begins before there is something in it"
    found = events(answer.text.removeprefix(": alive\n\n"))
    assert [(kind, json.loads(data)) for kind, data in found[:-1]] == [("message", each) for each in told]
    assert (found[-1][0], json.loads(found[-1][1])) == ("end", ENDED)
    document = Described(build_routes(house.gateway, house.options).openapi())
    kinds = document.answers(f"GET /training/jobs/{{id}}/{what}")["200"]["content"]["text/event-stream"]
    document.check_stream(kinds["itemSchema"]["anyOf"], answer.text.removeprefix(": alive\n\n"))
    assert house.jobs.streams == 0


async def test_a_stream_that_fails_says_so(house: House) -> None:
    house.jobs.late = Overloaded("there are 64 streams already", retry_after_seconds=5)
    async with house.client() as client:
        answer = await client.get("/training/jobs/job_1/metrics?follow=true")
    assert answer.status_code == 200
    assert '\n\nevent: error\ndata: {"error": {"code": "overloaded"' in answer.text


async def test_a_job_that_says_nothing_is_heard_of_all_the_same() -> None:
    book = FakeJobs()
    watched = Jobs(book, FakeAudit(), Following(beat_seconds=0.001)).watch(LOCAL, "job_1", 0)
    async with asyncio.timeout(LIMIT):
        beats = [await anext(watched) for _ in range(6)]
        assert beats == [Alive(), *POINTS, Alive(), Alive(), Alive()]
        book.queue.put_nowait(Point(3, MOMENT, evaluation=False))
        while (told := await anext(watched)) == Alive():
            pass
        assert told == Point(3, MOMENT, evaluation=False)
        book.queue.put_nowait(None)
        rest = [each async for each in watched if each != Alive()]
        assert rest == [await book.get(LOCAL, "job_1")]
    assert book.streams == 0


async def test_streams_end_in_time_and_when_the_gateway_is_about_to() -> None:
    book, now = FakeJobs(), 0.0
    jobs = Jobs(book, FakeAudit(), Following(longest_seconds=900, clock=lambda: now))
    watched = jobs.follow(LOCAL, "job_1", 0)
    async with asyncio.timeout(LIMIT):
        assert [await anext(watched), await anext(watched)] == [Alive(), LINES[0]]
        now = 900.0
        assert [each async for each in watched] == []
        assert book.streams == 0
        closed = jobs.watch(LOCAL, "job_1", 0)
        await anext(closed)
        jobs.close()
        assert [each async for each in closed] == []
    assert book.streams == 0


async def test_who_goes_away_is_left() -> None:
    book = FakeJobs()
    watched = Jobs(book, FakeAudit()).watch(LOCAL, "job_1", 0)
    async with asyncio.timeout(LIMIT):
        assert [await anext(watched) for _ in range(3)] == [Alive(), *POINTS]
        assert book.streams == 1
        await watched.aclose()
    assert book.streams == 0


async def test_a_job_that_has_not_ended_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the training service ends a stream because it stops itself."""
    book = FakeJobs()
    book.queue.put_nowait(None)
    watched = Jobs(book, FakeAudit()).watch(LOCAL, "job_1", 0)
    found = []
    async for each in watched:
        found.append(each)
        if each == POINTS[-1]:
            monkeypatch.setattr(book, "get", _running)
    assert found == [Alive(), *POINTS]


async def _running(_caller: object, _job_id: str) -> Job:
    return job("running")
