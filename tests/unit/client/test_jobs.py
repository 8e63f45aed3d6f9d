"""Training jobs: what both clients send, what they make of the answers, and how they come back."""

import json
from typing import Any

import httpx
import pytest

from colonnade.client import Job, JobEvent, LogLine, Point, Produced
from colonnade.errors import Conflict, InvalidArgument, NotFound, Overloaded, Unavailable
from tests.unit.client.platform import Caller, answer, closed, event_text, got, items, refused

AT = "2030-01-02T03:04:05Z"
JOB = {
    "id": "job_1", "kind": "train", "name": "tiny", "state": "running", "message": "", "step": 20,
    "total_steps": 400, "priority": 0, "metrics": {"loss": 2.5}, "attempt": 1, "lost": 0, "retry_of": "",
    "place": "pid 7", "tenant": "local", "by": "local/ann", "recipe_digest": "sha256:ab", "produced": None,
    "created_at": AT, "since": AT, "started_at": AT, "seen_at": None, "ended_at": None, "revision": 3,
    "newer": 1,
}  # fmt: skip
DONE = JOB | {
    "state": "succeeded", "ended_at": AT, "produced": {"model": "tiny", "version": 4, "digest": "sha256:cd"}
}  # fmt: skip


def point(step: int, **measured: float | None) -> dict[str, Any]:
    return {"step": step, "at": AT, "evaluation": False, "metrics": measured or {"loss": 1.0}}


def line(offset: int) -> dict[str, Any]:
    return {"line": f'{{"event": "note", "at": {offset}}}', "offset": offset}


def stream(*told: dict[str, Any], end: str = "") -> httpx.Response:
    return event_text(": alive\n\n" + "".join(f"data: {json.dumps(each)}\n\n" for each in told) + end)


ENDS = f"event: end\ndata: {json.dumps(DONE)}\n\n"
AWAY = 'event: error\ndata: {"error": {"code": "unavailable", "message": "training is away"}}\n\n'


async def test_one_is_submitted(caller: Caller) -> None:
    caller.answers = [answer(JOB, 201), refused(503, "unavailable"), answer(JOB, 201)]
    client = caller.client()
    begun = await got(client.jobs.submit("name: tiny"))
    assert isinstance(begun, Job)
    assert (begun.id, begun.step, begun.total_steps, begun.metrics) == ("job_1", 20, 400, {"loss": 2.5})
    assert (begun.ended, begun.succeeded, begun.produced) == (False, False, None)
    await got(client.jobs.submit("name: tiny", kind="train", priority=-3, idempotency_key="mine"))
    assert caller.bodies == [
        {"recipe": "name: tiny"},
        *[{"recipe": "name: tiny", "kind": "train", "priority": -3}] * 2,
    ]
    assert {request.url.path for request in caller.requests} == {"/training/jobs"}
    first, *second = [request.headers["idempotency-key"] for request in caller.requests]
    assert first not in ("", "mine")
    assert second == ["mine", "mine"]


async def test_a_wrong_recipe_is_refused(caller: Caller) -> None:
    caller.answers = [refused(400, "invalid_argument", "steps must be 1", details={"field": "recipe.steps"})]
    with pytest.raises(InvalidArgument, match="steps must be 1") as refusal:
        await got(caller.client().jobs.submit("steps: 0"))
    assert refusal.value.details["field"] == "recipe.steps"


async def test_one_is_looked_at(caller: Caller) -> None:
    told = [{"at": AT, "what": "submitted", "by": "local/ann", "words": ""}]
    caller.answers = [answer(DONE | {"recipe": "name: tiny", "events": told}), refused(404, "not_found")]
    client = caller.client()
    found = await got(client.jobs.get("job_1"))
    assert (found.ended, found.succeeded, found.recipe) == (True, True, "name: tiny")
    assert found.produced == Produced("tiny", 4, "sha256:cd")
    assert [(type(each), each.what) for each in found.events] == [(JobEvent, "submitted")]
    with pytest.raises(NotFound):
        await got(client.jobs.get("job_2"))
    assert [request.url.path for request in caller.requests] == [
        "/training/jobs/job_1", "/training/jobs/job_2",
    ]  # fmt: skip


async def test_all_pages_are_listed(caller: Caller) -> None:
    first = [JOB | {"id": f"job_{number}"} for number in range(2)]
    caller.answers = [
        answer({"jobs": first, "next_page_token": "t"}),
        answer({"jobs": [JOB], "next_page_token": ""}),
        answer({"jobs": first, "next_page_token": "t"}),
    ]
    client = caller.client()
    found = await got(client.jobs.list(states=["queued", "running"], name="a b", by="local/ann"))
    assert [each.id for each in found] == ["job_0", "job_1", "job_1"]
    assert len(await got(client.jobs.list(kind="train", tenant="local", limit=2))) == 2
    assert await got(client.jobs.list(limit=0)) == []
    assert [request.url.query.decode() for request in caller.requests] == [
        "state=queued&state=running&name=a+b&by=local%2Fann&page_size=100",
        "state=queued&state=running&name=a+b&by=local%2Fann&page_size=100&page_token=t",
        "kind=train&tenant=local&page_size=2",
    ]


async def test_one_is_changed(caller: Caller) -> None:
    caller.answers = [
        answer(JOB | {"state": "stopping"}), answer(JOB), refused(409, "conflict"),
        refused(503, "unavailable"), answer(JOB | {"id": "job_2"}, 201),
    ]  # fmt: skip
    client = caller.client()
    assert (await got(client.jobs.cancel("job_1", why="too hot"))).state == "stopping"
    await got(client.jobs.resume("job_1"))
    with pytest.raises(Conflict):
        await got(client.jobs.resume("job_1"))
    assert (await got(client.jobs.retry("job_1"))).id == "job_2"
    acts = ["cancel", "resume", "resume", "retry", "retry"]
    assert [each.url.path for each in caller.requests] == [f"/training/jobs/job_1/{act}" for act in acts]
    assert caller.bodies == [{"why": "too hot"}, {}, {}, {}, {}]
    keys = [request.headers.get("idempotency-key") for request in caller.requests]
    assert keys[:3] == [None] * 3
    assert keys[3]
    assert keys[3] == keys[4]


async def test_what_was_measured(caller: Caller) -> None:
    caller.answers = [answer({"points": [point(20, loss=None), point(30) | {"evaluation": True}]})]
    found = await got(caller.client().jobs.metrics("job_1", from_step=20))
    assert [type(each) for each in found] == [Point, Point]
    assert [(each.step, each.evaluation, each.metrics) for each in found] == [
        (20, False, {"loss": None}), (30, True, {"loss": 1.0}),
    ]  # fmt: skip
    assert str(caller.requests[0].url).endswith("/training/jobs/job_1/metrics?from_step=20")


async def test_points_come_once_each_however_often_the_stream_breaks(caller: Caller) -> None:
    """Also where a worker was lost meanwhile: its steps come again, and so do their points."""
    told = [point(10), point(20), point(20, loss=0.5) | {"evaluation": True}, point(10, loss=0.9), point(20)]
    caller.answers = [
        stream(*told[:2], end=AWAY), httpx.ConnectError("gone"), stream(*told[:1]),
        stream(*told[:4]), stream(*told, end=ENDS),
    ]  # fmt: skip
    found = await items(caller.client(max_retries=0).jobs.watch("job_1", from_step=10))
    assert [(each.step, each.evaluation, each.metrics["loss"]) for each in found] == [
        (10, False, 1.0), (20, False, 1.0), (20, True, 0.5), (10, False, 0.9), (20, False, 1.0),
    ]  # fmt: skip
    assert {request.url.query.decode() for request in caller.requests} == {"from_step=10&follow=true"}
    assert caller.slept == [0.2, 0.4, 0.2, 0.2]


async def test_a_log_is_read_to_where_it_is(caller: Caller) -> None:
    caller.answers = [
        answer({"lines": [line(10), line(20)], "offset": 25}), answer({"lines": [line(30)], "offset": 30}),
        answer({"lines": [], "offset": 30}),
    ]  # fmt: skip
    found = await items(caller.client().jobs.logs("job_1", offset=5))
    assert [(type(each), each.offset) for each in found] == [(LogLine, 10), (LogLine, 20), (LogLine, 30)]
    assert [request.url.params["offset"] for request in caller.requests] == ["5", "25", "30"]


async def test_a_followed_log_goes_on_from_its_last_line(caller: Caller) -> None:
    caller.answers = [
        stream(line(10), line(20)), httpx.ReadTimeout("slow"), stream(line(30), end=ENDS)
    ]  # fmt: skip
    found = await items(caller.client(max_retries=0).jobs.logs("job_1", follow=True))
    assert [each.offset for each in found] == [10, 20, 30]
    assert json.loads(found[0].line) == {"event": "note", "at": 10}
    assert [request.url.query.decode() for request in caller.requests] == [
        "offset=0&follow=true", "offset=20&follow=true", "offset=20&follow=true",
    ]  # fmt: skip


async def test_what_a_stream_raises_at_first_is_raised(caller: Caller) -> None:
    caller.answers = [refused(503, "overloaded"), httpx.ConnectError("gone"), refused(404, "not_found")]
    client = caller.client(max_retries=0)
    with pytest.raises(Overloaded):
        await items(client.jobs.watch("job_1"))
    with pytest.raises(Unavailable):
        await items(client.jobs.logs("job_1", follow=True))
    with pytest.raises(NotFound):
        await items(client.jobs.watch("job_1"))
    assert caller.slept == []


async def test_what_coming_back_does_not_help_is_raised(caller: Caller) -> None:
    caller.answers = [stream(line(10)), refused(404, "not_found")]
    with pytest.raises(NotFound):
        await items(caller.client().jobs.logs("job_1", follow=True))


async def test_a_stream_may_be_left(caller: Caller) -> None:
    caller.answers = [stream(point(10), point(20))]
    watching = caller.client().jobs.watch("job_1")
    first = await anext(watching) if hasattr(watching, "__anext__") else next(watching)
    assert first.step == 10
    await closed(watching)
    assert len(caller.requests) == 1


async def test_one_is_awaited_also_while_the_platform_is_away(caller: Caller) -> None:
    caller.answers = [
        answer(JOB), refused(503, "unavailable"), httpx.ConnectError("gone"),
        answer(JOB | {"state": "publishing"}), answer(DONE),
    ]  # fmt: skip
    shown: list[str] = []
    client = caller.client(max_retries=0)
    last = await got(client.jobs.wait("job_1", show=lambda each: shown.append(each.state)))
    assert shown == ["running", "publishing", "succeeded"]
    assert last.succeeded
    assert caller.slept == [1.0, 0.2, 0.4, 1.0]
    caller.answers = [httpx.ConnectError("gone")]
    with pytest.raises(Unavailable):
        await got(client.jobs.wait("job_1"))
