"""Rollouts: what both clients send, and what they make of the answer."""

from typing import Any

import pytest

from colonnade.client import AliasTarget, Figures, Gate, GateResult, Plan, Rollout, RolloutStep
from colonnade.errors import Conflict
from tests.unit.client.platform import Caller, answer, got, refused

PLAN = {
    "gates": [{"probe": "tasks", "bound": "0.9x", "texts": "", "optional": False}],
    "shadow": None,
    "steps": [{"percent": 10, "seconds": 5.0, "requests": 3}],
    "objectives": {"error_rate": "0.02"},
    "least_requests": 20,
}
ROLLOUT = {
    "id": "ro_1", "model": "tiny", "alias": "production", "candidate": 2, "state": "canary", "plan": PLAN,
    "stable": [{"version": 1, "weight": 100}], "revision": 3, "newer": 1,
    "targets": [{"version": 1, "weight": 90}, {"version": 2, "weight": 10}],
    "gates": [{"probe": "tasks", "bound": "0.9x", "outcome": "passed", "figure": 1.0, "why": "x"}],
    "since": "2030-01-02T03:04:05Z",
}  # fmt: skip
SEEN = {
    "outcomes": {"candidate": {"requests": 4, "failures": 1, "error_rate": 0.25}, "stable": {"requests": 9}},
    "events": [{"at": "2030-01-02T03:04:05Z", "what": "begun", "by": "local/ann", "words": "try"}],
}


async def test_one_is_begun(caller: Caller) -> None:
    caller.answers = [answer(ROLLOUT, 201), answer(ROLLOUT, 201)]
    client = caller.client()
    begun = await got(client.rollouts.start("tiny", 2, policy="quick", why="try"))
    assert isinstance(begun, Rollout)
    assert (begun.ended, begun.promoted, begun.targets[1]) == (False, False, AliasTarget(2, 10))
    assert begun.plan == Plan(
        (Gate("tasks", "0.9x"),), None, (RolloutStep(10, 5.0, 3),), {"error_rate": "0.02"}
    )
    assert begun.gates == (GateResult("tasks", "0.9x", "passed", 1.0, None, "x"),)
    await got(client.rollouts.start("tiny", 2, alias="candidate", plan={"steps": []}))
    assert caller.bodies == [
        {"model": "tiny", "version": 2, "policy": "quick", "why": "try"},
        {"model": "tiny", "version": 2, "alias": "candidate", "plan": {"steps": []}},
    ]
    first, second = caller.requests
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


async def test_beginning_is_repeated_under_the_same_key(caller: Caller) -> None:
    caller.answers = [refused(503, "unavailable"), answer(ROLLOUT, 201)]
    await got(caller.client().rollouts.start("tiny", 2))
    assert len({request.headers["idempotency-key"] for request in caller.requests}) == 1


async def test_all_pages_are_listed(caller: Caller) -> None:
    caller.answers = [
        answer({"rollouts": [ROLLOUT], "next_page_token": "t"}),
        answer({"rollouts": [ROLLOUT | {"id": "ro_0"}], "next_page_token": ""}),
        answer({"rollouts": [], "next_page_token": ""}),
    ]
    client = caller.client()
    found = await got(client.rollouts.list(model="tiny", under_way=True))
    assert [each.id for each in found] == ["ro_1", "ro_0"]
    assert await got(client.rollouts.list()) == []
    assert [request.url.query.decode() for request in caller.requests] == [
        "page_size=100&model=tiny&under_way=true",
        "page_size=100&model=tiny&page_token=t&under_way=true",
        "page_size=100",
    ]


@pytest.mark.parametrize("act", ["pause", "resume", "promote", "roll_back"])
async def test_one_is_changed(caller: Caller, act: str) -> None:
    caller.answers = [answer(ROLLOUT), refused(409, "conflict")]
    change: Any = getattr(caller.client().rollouts, act)
    assert (await got(change("ro_1", why="night", expected_revision=3))).revision == 3
    with pytest.raises(Conflict):
        await got(change("ro_1"))
    assert [request.url.path for request in caller.requests] == [f"/rollouts/ro_1/{act}"] * 2
    assert caller.bodies == [{"why": "night", "expected_revision": 3}, {}]


async def test_one_is_awaited(caller: Caller) -> None:
    ended = ROLLOUT | SEEN | {"state": "promoted"}
    caller.answers = [answer(ROLLOUT | SEEN), answer(ended)]
    shown: list[str] = []
    last = await got(caller.client().rollouts.wait("ro_1", show=lambda each: shown.append(each.state)))
    assert shown == ["canary", "promoted"]
    assert (last.ended, last.promoted) == (True, True)
    assert last.outcomes.candidate == Figures(4, 1, 0.25)
    assert [(each.what, each.by) for each in last.events] == [("begun", "local/ann")]


async def test_policies(caller: Caller) -> None:
    caller.answers = [answer({"policies": [{"name": "quick", "description": "soon", "plan": PLAN}]})]
    [policy] = await got(caller.client().rollouts.policies())
    assert (policy.name, policy.plan.steps[0].percent) == ("quick", 10)
