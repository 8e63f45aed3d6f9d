"""Training jobs through the public door: one run from its submission to its end, and what is refused."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.described import Described
from tests.harness.platform import Platform, eventually
from tests.unit.learn.recipes import corpus, document

COPIES = 100
STEPS = 150
JOB = "/training/jobs/{id}"


@pytest.fixture(scope="module")
def http(platform: Platform) -> Iterator[httpx.Client]:
    with platform.client() as client:
        yield client


@pytest.fixture(scope="module")
def described(http: httpx.Client) -> Described:
    return Described(http.get("/openapi.json").json())


@pytest.fixture(scope="module")
def recipe(tiny_model: Path) -> str:
    """Its paths begin in the platform's work folder. JSON is YAML."""
    corpus(tiny_model.parent / "stories")
    return json.dumps(
        document(
            "stories/*.jsonl",
            name="fables",
            batch={"accumulate": 1},
            steps=STEPS,
            optimiser={"learning_rate": 0.002},
            schedule={"kind": "constant", "warm_up": 20},
            evaluation={"every": 50, "prompts": []},
            checkpoints={"every": 50},
            reports={"every": 1},
        )
    )


async def copies(url: str, body: dict[str, Any], key: str) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=COPIES)
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False, limits=limits) as client:
        asked = (
            client.post("/training/jobs", json=body, headers={"idempotency-key": key}) for _ in range(COPIES)
        )
        return await asyncio.gather(*asked)


def streamed(http: httpx.Client, path: str) -> Iterator[tuple[str, Any]]:
    """Events by their names, as they come; closing it leaves the stream."""
    with http.stream("GET", path) as stream:
        assert stream.status_code == 200
        kind = "message"
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "data":
                yield kind, json.loads(value)
            kind = value if name == "event" else "message" if not line else kind


def state_of(http: httpx.Client, job_id: str) -> str:
    return str(http.get(f"/training/jobs/{job_id}").json()["state"])


def test_a_run_is_submitted_watched_cancelled_and_taken_up_again(
    platform: Platform, http: httpx.Client, described: Described, recipe: str
) -> None:
    made = asyncio.run(copies(platform.url, {"recipe": recipe, "priority": 3}, "one-run"))
    assert {answer.status_code for answer in made} == {201}
    (job_id,) = {answer.json()["id"] for answer in made}
    assert [job["id"] for job in http.get("/training/jobs?name=fables").json()["jobs"]] == [job_id]
    described.check("POST /training/jobs", made[0])

    later = http.post("/training/jobs", json={"recipe": recipe.replace("fables", "later", 1), "priority": -1})
    assert http.post(f"/training/jobs/{later.json()['id']}/cancel").json()["state"] == "cancelled"

    points = streamed(http, f"/training/jobs/{job_id}/metrics?follow=true")
    kind, first = next(points)
    assert kind == "message", first["message"]
    assert not first["evaluation"]
    assert http.post(f"/training/jobs/{job_id}/resume").status_code == 409, "it runs"
    stopping = http.post(f"/training/jobs/{job_id}/cancel", json={"why": "a better idea"})
    assert stopping.json()["state"] in ("stopping", "cancelled")
    *_, (kind, cancelled) = points
    assert (kind, cancelled["state"], cancelled["id"]) == ("end", "cancelled", job_id)
    assert "a better idea" in cancelled["message"]

    assert described.check("POST /training/jobs/{id}/resume", http.post(f"/training/jobs/{job_id}/resume"))
    *_, (kind, ended) = streamed(http, f"/training/jobs/{job_id}/logs?follow=true")
    assert (kind, ended["state"], ended["step"], ended["attempt"]) == ("end", "succeeded", STEPS, 2)
    assert ended["metrics"]["validation.loss"] < 4
    assert (ended["produced"]["model"], ended["produced"]["version"]) == ("fables", 1)
    asked = {"model": "fables:1", "prompt": "the cat", "max_tokens": 4}
    assert http.post("/generate", json=asked).json()["model"]["digest"] == ended["produced"]["digest"]

    found = http.get(f"/training/jobs/{job_id}")
    assert described.check(f"GET {JOB}", found)
    what = [event["what"] for event in found.json()["events"]]
    assert what[:6] == ["submitted", "started", "stopping", "cancelled", "queued", "started"]
    assert found.json()["recipe"] == recipe
    _read(http, described, job_id)


def _read(http: httpx.Client, described: Described, job_id: str) -> None:
    """What was measured and written is there afterwards, whole and from where one was."""
    points = http.get(f"/training/jobs/{job_id}/metrics")
    assert described.check(f"GET {JOB}/metrics", points)
    evaluated = [point["step"] for point in points.json()["points"] if point["evaluation"]]
    assert evaluated[-1] == STEPS
    last = http.get(f"/training/jobs/{job_id}/metrics?from_step={STEPS}").json()["points"]
    assert {point["step"] for point in last} == {STEPS}
    log = http.get(f"/training/jobs/{job_id}/logs")
    assert described.check(f"GET {JOB}/logs", log)
    assert all("event" in json.loads(line["line"]) for line in log.json()["lines"])
    middle = log.json()["lines"][7]["offset"]
    rest = http.get(f"/training/jobs/{job_id}/logs?offset={middle}").json()
    assert rest == {"lines": log.json()["lines"][8:], "offset": log.json()["offset"]}


def test_a_retry_is_a_new_job(http: httpx.Client, recipe: str) -> None:
    first = http.post("/training/jobs", json={"recipe": recipe.replace("fables", "again", 1)}).json()
    assert http.post(f"/training/jobs/{first['id']}/retry").status_code == 409
    http.post(f"/training/jobs/{first['id']}/cancel")
    eventually(lambda: state_of(http, first["id"]) == "cancelled", 60, "it is cancelled")
    key = {"idempotency-key": "again"}
    made = [http.post(f"/training/jobs/{first['id']}/retry", headers=key) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    (second,) = {answer.json()["id"] for answer in made}
    assert second != first["id"]
    assert made[0].json()["retry_of"] == first["id"]
    http.post(f"/training/jobs/{second}/cancel")
    eventually(lambda: state_of(http, second) == "cancelled", 60, "that too")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [({"recipe": "name: x\nsteps: 0\n"}, 400, "recipe.steps"), ({"recipe": "steps: 1"}, 400, "recipe.name"),
     ({"recipe": "name: ../x\nsteps: 1\n"}, 400, "recipe.name"), ({"recipe": "[1, 2"}, 400, "recipe"),
     ({"recipe": "a: &a [1]\nb: *a\n"}, 400, "recipe"), ({"recipe": "- x"}, 400, "recipe"),
     ({"recipe": "[" * 40 + "]" * 40}, 400, "recipe"), ({"recipe": "é" * 140_000}, 413, "recipe"),
     ({"recipe": "name: x\nsteps: 1\n", "kind": "bake"}, 400, "kind"),
     ({"recipe": "name: x\nsteps: 1\n", "priority": 1000}, 400, "priority"), ({}, 400, "recipe")],
    ids=["steps", "no-name", "name", "yaml", "alias", "list", "deep", "long", "kind", "priority", "nothing"],
)  # fmt: skip
def test_what_is_refused(
    http: httpx.Client, described: Described, body: dict[str, Any], status: int, field: str
) -> None:
    before = http.get("/training/jobs").json()
    answer = http.post("/training/jobs", json=body)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (status, field)
    described.check("POST /training/jobs", answer)
    assert http.get("/training/jobs").json() == before


def test_what_is_not_there(http: httpx.Client) -> None:
    for method, path in (
        ("GET", ""), ("GET", "/metrics"), ("GET", "/metrics?follow=true"), ("GET", "/logs?follow=true"),
        ("POST", "/cancel"), ("POST", "/resume"), ("POST", "/retry"),
    ):  # fmt: skip
        answer = http.request(method, f"/training/jobs/job_0123{path}")
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (404, "id"), path
    assert http.get("/training/jobs?kind=bake").json()["error"]["details"]["field"] == "kind"


@pytest.mark.slow
def test_one_recipe_that_cannot_run_says_why(http: httpx.Client) -> None:
    """What the door cannot judge the worker does, in words that name the field."""
    wrong = "name: wrong\nsteps: 3\nseed: 1\noptimiser: {name: nonsense}\n"
    job = http.post("/training/jobs", json={"recipe": wrong}).json()
    *_, (kind, ended) = streamed(http, f"/training/jobs/{job['id']}/metrics?follow=true")
    assert (kind, ended["state"]) == ("end", "failed")
    assert "optimiser" in ended["message"]
    assert "Traceback" not in ended["message"]
