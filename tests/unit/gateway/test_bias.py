"""``/bias/reports``: what goes to the ethics service, as whom, and what comes back."""

from dataclasses import replace

import httpx
import pytest

from colonnade.gateway.domain.bias import NewBiasReport
from tests.unit.gateway.fake_bias import DIGEST, DONE
from tests.unit.gateway.fakes import House

AT = "2030-01-02T00:00:00Z"
SHOWN = {
    "id": "br_1", "model": "tiny", "version": 3, "digest": DIGEST, "sets": ["builtin"], "state": "done",
    "created_at": AT, "ended_at": AT, "by": "local/local", "done": 79, "total": 79, "why": "",
    "figures": [
        {
            "set": "builtin", "dimension": "gender", "measure": "preference",
            "value": 0.6, "low": 0.5, "high": 0.7, "count": 20,
        }
    ],
}  # fmt: skip


async def test_a_report_is_begun_once_under_a_key(house: House, client: httpx.AsyncClient) -> None:
    body = {"model": "tiny", "version": 3, "sets": ["builtin", "crows-pairs"]}
    begun = await client.post("/bias/reports", json=body, headers={"idempotency-key": "k"})
    assert (begun.status_code, begun.json()) == (202, SHOWN)
    assert (await client.post("/bias/reports", json={"model": "tiny"})).status_code == 202
    assert house.bias.asked == [
        ("local", NewBiasReport("tiny", 3, ("builtin", "crows-pairs"), "k")),
        ("local", NewBiasReport("tiny")),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "no such/name"}, "model"),
        ({"model": "tiny", "version": 0}, "version"),
        ({"model": "tiny", "sets": ["../x"]}, "sets"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    house: House, client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    refused = await client.post("/bias/reports", json=body)
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, field)
    many = await client.post("/bias/reports", json={"model": "tiny", "sets": ["x"] * 17})
    assert many.status_code == 413
    assert house.bias.asked == []


async def test_how_far_it_is_and_what_was_found(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/bias/reports/br_1")).json() == SHOWN
    house.bias.report = replace(DONE, state="failed", why="no engine has it", figures=(), ended_at=None)
    listed = (await client.get("/bias/reports?model=tiny&page_size=7&page_token=t")).json()
    (told,) = listed["reports"]
    assert (told["state"], told["why"], told["figures"]) == ("failed", "no engine has it", [])
    assert listed["next_page_token"] == "next"
    assert house.bias.asked == [("local", "br_1"), ("local", "tiny", 7, "t")]


async def test_how_groups_fare_in_the_traffic(house: House, client: httpx.AsyncClient) -> None:
    version = {"model": "tiny:3", "dimension": "gender"}
    assert (await client.get("/bias/live?hours=3")).json() == {
        "cells": [version | {"group": "women", "hour": AT, "seen": 5, "refused": 1, "unkind": 0}],
        "gaps": [version | {"value": 0.2, "low": 0.1, "high": 0.3, "seen": 9}],
        "alarms": [version | {"at": AT, "observed": 400}],
    }
    assert (await client.get("/bias/live")).status_code == 200
    refused = await client.get("/bias/live?hours=745")
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, "hours")
    assert house.bias.asked == [("local", 3), ("local", 24)]
