"""The gateway's routes before a real training service, over its socket, with small processes as workers."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from colonnade.gateway.__main__ import composed
from colonnade.gateway.http.app import build
from colonnade.gateway.settings import GatewaySettings
from colonnade.training.__main__ import wired
from colonnade.training.adapters import session
from colonnade.training.adapters.job_folder import read_record
from colonnade.training.settings import TrainingSettings
from tests.unit.gateway.fakes import BASE, events

WORKER = (sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "unit" / "training" / "worker.py"))
ALONE = "steps: 2\noutput: {register: false}\n"
DONE, HANG = (f"name: {act}\n{ALONE}description: {act}\n" for act in ("done", "hang"))
LIMIT = 60.0
COPIES = 100


@pytest.fixture
async def door(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    monkeypatch.setenv("COLONNADE_TRAINING_WORK_DIR", str(short_folder))
    monkeypatch.setenv("COLONNADE_TRAINING_TICK_SECONDS", "0.01")
    monkeypatch.setenv("COLONNADE_TRAINING_METRICS_PORT", "0")
    settings = GatewaySettings()
    async with wired(TrainingSettings(), WORKER) as server:
        await server.start()
        async with composed(settings) as gateway:
            app: ASGIApp = build(gateway, settings.http)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=LIMIT) as client:
                yield client
        await server.stop(0)
    for record in (short_folder / "data" / "training" / "jobs").glob("*/attempts/*.json"):
        if (started := read_record(record)) and started.pid:  # a test that failed leaves its workers
            session.end(started, f"{record.parts[-3]}/{int(record.stem)}")
            session.reap(started)


async def end_of(door: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """The job at its end, as the last event of a stream has it."""
    async with asyncio.timeout(LIMIT):
        stream = await door.get(f"/training/jobs/{job_id}/metrics?follow=true")
    kind, data = events(stream.text.replace(": alive\n\n", ""))[-1]
    assert kind == "end"
    job: dict[str, Any] = json.loads(data)
    return job


async def running(door: httpx.AsyncClient, job_id: str) -> None:
    async with asyncio.timeout(LIMIT):
        while not (await door.get(f"/training/jobs/{job_id}")).json()["metrics"]:  # noqa: ASYNC110 - of a process
            await asyncio.sleep(0.01)


async def test_a_hundred_copies_make_one_job(door: httpx.AsyncClient) -> None:
    body, key = {"recipe": DONE}, {"idempotency-key": "one"}
    asked = [door.post("/training/jobs", json=body, headers=key) for _ in range(COPIES)]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {201}
    (job_id,) = {answer.json()["id"] for answer in answers}
    other = await door.post("/training/jobs", json={"recipe": HANG}, headers=key)
    assert other.status_code == 409
    assert [job["id"] for job in (await door.get("/training/jobs")).json()["jobs"]] == [job_id]
    job = await end_of(door, job_id)
    assert (job["state"], job["step"], job["metrics"]) == (
        "succeeded",
        2,
        {"loss": 2.5, "validation.loss": 2.0},
    )
    points = (await door.get(f"/training/jobs/{job_id}/metrics")).json()["points"]
    assert [(each["step"], each["evaluation"], each["metrics"]) for each in points] == [
        (1, False, {"loss": 2.5}), (2, True, {"loss": 2.0}),
    ]  # fmt: skip
    log = (await door.get(f"/training/jobs/{job_id}/logs")).json()
    assert [json.loads(each["line"])["event"] for each in log["lines"]] == ["began", "step", "evaluation"]
    assert log["offset"] == log["lines"][-1]["offset"]


async def test_cancel_resume_and_retry(door: httpx.AsyncClient, short_folder: Path) -> None:
    job_id = (await door.post("/training/jobs", json={"recipe": HANG})).json()["id"]
    waiting = (await door.post("/training/jobs", json={"recipe": DONE})).json()["id"]
    await running(door, job_id)
    assert (await door.post(f"/training/jobs/{job_id}/resume")).status_code == 409
    assert (await door.post(f"/training/jobs/{waiting}/cancel")).json()["state"] == "cancelled"
    stopping = await door.post(f"/training/jobs/{job_id}/cancel", json={"why": "too dear"})
    assert stopping.json()["state"] == "stopping"
    assert (await end_of(door, job_id))["message"] == "cancelled by local/local: too dear"
    (short_folder / "data" / "training" / "jobs" / job_id / "run" / "go").touch()
    assert (await door.post(f"/training/jobs/{job_id}/resume")).json()["state"] in ("queued", "running")
    assert (await end_of(door, job_id))["attempt"] == 2
    found = (await door.get(f"/training/jobs/{job_id}")).json()
    assert [event["what"] for event in found["events"]] == [
        "submitted", "started", "stopping", "cancelled", "queued", "started", "succeeded",
    ]  # fmt: skip
    again = (await door.post(f"/training/jobs/{waiting}/retry")).json()
    assert (again["retry_of"], (await end_of(door, again["id"]))["state"]) == (waiting, "succeeded")
    states = {"state": ["cancelled", "failed"], "name": "done"}
    listed = (await door.get("/training/jobs", params=states)).json()["jobs"]
    assert [job["id"] for job in listed] == [waiting]
