"""Reports of bias: what both clients send, and what they make of the answers."""

import httpx

from colonnade.client import BiasFigure, BiasGap
from tests.unit.client.platform import Caller, answer, got

AT = "2030-01-02T03:04:05Z"
FIGURE = {
    "set": "builtin", "dimension": "gender", "measure": "preference", "value": 0.6, "low": 0.5, "high": 0.7,
    "count": 20,
}  # fmt: skip
RUNNING = {
    "id": "br_1", "model": "tiny", "version": 3, "digest": "sha256:a", "sets": ["builtin"],
    "state": "running", "created_at": AT, "ended_at": None, "by": "acme/ada", "done": 32, "total": 79,
    "why": "", "figures": [], "newer": 1,
}  # fmt: skip
VERSION = {"model": "tiny:3", "dimension": "gender"}
LIVE = {
    "cells": [VERSION | {"group": "women", "hour": AT, "seen": 5, "refused": 1, "unkind": 0}],
    "gaps": [VERSION | {"value": 0.2, "low": 0.1, "high": 0.3, "seen": 9}],
    "alarms": [VERSION | {"at": AT, "observed": 400}],
}
DONE = RUNNING | {"state": "done", "ended_at": AT, "done": 79, "figures": [FIGURE]}


async def test_a_report_is_begun_under_a_key_and_read(caller: Caller) -> None:
    caller.answers = [
        httpx.ReadError("gone"), answer(RUNNING, 202), answer(RUNNING, 202), answer(DONE),
        answer({"reports": [DONE], "next_page_token": "t"}),
        answer({"reports": [RUNNING], "next_page_token": ""}),
    ]  # fmt: skip
    bias = caller.client().bias
    begun = await got(bias.report("tiny"))
    await got(bias.report("tiny", version=3, sets=("builtin", "crows"), idempotency_key="mine"))
    assert (begun.ended, begun.done, begun.total) == (False, 32, 79)
    done = await got(bias.get("br_1"))
    assert done.figures == (BiasFigure("builtin", "gender", "preference", 0.6, 0.5, 0.7, 20),)
    assert await got(bias.list(model="tiny")) == [done, begun]
    versioned = {"model": "tiny", "version": 3, "sets": ["builtin", "crows"]}
    assert caller.bodies[:3] == [{"model": "tiny"}, {"model": "tiny"}, versioned]
    first, again, mine = [request.headers["idempotency-key"] for request in caller.requests[:3]]
    assert (first == again, mine) == (True, "mine")
    asked = [request.url.raw_path.decode() for request in caller.requests[3:]]
    assert asked == [
        "/bias/reports/br_1",
        "/bias/reports?page_size=100&model=tiny",
        "/bias/reports?page_size=100&page_token=t&model=tiny",
    ]


async def test_how_groups_fare_in_the_traffic(caller: Caller) -> None:
    caller.answers = [answer(LIVE), answer(LIVE)]
    bias = caller.client().bias
    live = await got(bias.live(hours=3))
    assert live.gaps == (BiasGap("tiny:3", "gender", 0.2, 0.1, 0.3, 9),)
    assert (live.cells[0].refused, live.alarms[0].observed) == (1, 400)
    await got(bias.live())
    assert [each.url.raw_path.decode() for each in caller.requests] == ["/bias/live?hours=3", "/bias/live"]
