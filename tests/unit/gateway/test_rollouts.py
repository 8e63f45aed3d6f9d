"""``/rollouts`` and ``/policies``: what is passed on, what is shown, what is refused."""

from typing import Any

import httpx
import pytest

from colonnade.errors import Conflict, Unavailable
from colonnade.gateway.domain.rollouts import Gate, Outcome, Outcomes, Plan, RolloutOrder, Step
from tests.unit.gateway.fakes import House

ORDER = {"model": "tiny", "version": 2}
PLAN = {
    "gates": [{"probe": "tasks", "bound": "0.9x", "texts": "mine", "optional": True}],
    "shadow": {"percent": 10, "seconds": 5},
    "steps": [{"percent": 5, "seconds": 1.5, "requests": 3}, {"percent": 50}],
    "objectives": {"error_rate": 0.02, "first_token_p95": "2x"},
    "least_requests": 5,
}


async def test_one_is_begun(house: House, client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "release-42"}
    answer = await client.post("/rollouts", json=ORDER | {"policy": "quick", "why": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (201, "canary")
    order = RolloutOrder("tiny", 2, policy="quick", why="x", idempotency_key="release-42")
    assert house.rollouts.orders == [order]
    _, (action, _, outcome, facts) = [each for each in house.audit.records if each[0] == "rollout.start"]
    assert (action, outcome) == ("rollout.start", "ok")
    assert (facts["model"], facts["version"], facts["policy"], facts["why"]) == ("tiny", 2, "quick", "x")


async def test_a_plan_goes_along_as_it_is(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.post("/rollouts", json=ORDER | {"plan": PLAN, "alias": "candidate"})
    assert answer.status_code == 201
    [order] = house.rollouts.orders
    assert order.alias == "candidate"
    assert order.plan == Plan(
        (Gate("tasks", "0.9x", "mine", True),),
        Step(10, 5),
        (Step(5, 1.5, 3), Step(50)),
        {"error_rate": "0.02", "first_token_p95": "2x"},
        5,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "tiny"}, "version"),
        (ORDER | {"version": 0}, "version"),
        (ORDER | {"version": 2**60}, "version"),
        (ORDER | {"version": "2"}, "version"),
        (ORDER | {"model": "a b"}, "model"),
        (ORDER | {"alias": "a b"}, "alias"),
        (ORDER | {"policy": "../x"}, "policy"),
        (ORDER | {"why": "x" * 1001}, "why"),
        (ORDER | {"weight": 5}, "weight"),
        (ORDER | {"plan": {"speed": 1}}, "plan.speed"),
        (ORDER | {"plan": {"gates": [{"probe": "charm", "bound": 1}]}}, "plan.gates[0].probe"),
        (ORDER | {"plan": {"gates": [{"probe": "tasks"}]}}, "plan.gates[0].bound"),
        (ORDER | {"plan": {"gates": [{"probe": "tasks", "bound": "1" * 33}]}}, "plan.gates[0].bound"),
        (ORDER | {"plan": {"gates": [{"probe": "tasks", "bound": 1}] * 21}}, "plan.gates"),
        (ORDER | {"plan": {"steps": [{"percent": 0}]}}, "plan.steps[0].percent"),
        (ORDER | {"plan": {"steps": [{"percent": 2**40}]}}, "plan.steps[0].percent"),
        (ORDER | {"plan": {"steps": [{"percent": 5, "seconds": -1}]}}, "plan.steps[0].seconds"),
        (ORDER | {"plan": {"steps": [{"percent": 5, "requests": 2**70}]}}, "plan.steps[0].requests"),
        (ORDER | {"plan": {"shadow": {"percent": 101}}}, "plan.shadow.percent"),
        (ORDER | {"plan": {"shadow": {"percent": 5, "requests": 3}}}, "plan.shadow.requests"),
        (ORDER | {"plan": {"objectives": {"charm": 1}}}, "plan.objectives.charm"),
        (ORDER | {"plan": {"least_requests": 0}}, "plan.least_requests"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_meant_is_refused_by_name(
    house: House, client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/rollouts", json=body)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error"]["details"]["field"] == field
    assert not house.rollouts.orders


async def test_a_refusal_of_the_registry_is_passed_on(house: House, client: httpx.AsyncClient) -> None:
    house.rollouts.error = Conflict("a rollout of tiny@production is under way", field="alias")
    answer = await client.post("/rollouts", json=ORDER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert ("rollout.start", "refused") in house.audit.seen
    house.rollouts.error = Unavailable("the registry is away")
    assert (await client.get("/rollouts/ro_1")).status_code == 503


async def test_one_is_shown_with_its_figures(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/rollouts/ro_7")).json()
    assert shown["id"] == "ro_7"
    assert shown["outcomes"]["candidate"] == {
        "requests": 1, "failures": 0, "error_rate": 0.0, "first_token_p95": 0.02, "tokens_per_second": 40.0
    }  # fmt: skip
    assert shown["outcomes"]["stable"]["error_rate"] is None
    assert [(each["what"], each["words"]) for each in shown["events"]] == [("begun", "try it")]
    assert shown["gates"] == [
        {
            "probe": "tasks", "bound": "0.9x", "outcome": "passed", "figure": 1.0, "stable": 0.9,
            "why": "as good",
        }
    ]  # fmt: skip
    assert shown["targets"] == [{"version": 1, "weight": 90}, {"version": 2, "weight": 10}]
    assert shown["plan"]["steps"] == [{"percent": 10, "seconds": 5.0, "requests": 3}]


async def test_they_are_listed(house: House, client: httpx.AsyncClient) -> None:
    first = (await client.get("/rollouts?model=tiny&under_way=true&page_size=7")).json()
    assert ([each["id"] for each in first["rollouts"]], first["next_page_token"]) == (["ro_1"], "next")
    await client.get("/rollouts?page_token=next")
    assert house.rollouts.asked == [("tiny", True, 7, ""), ("", False, 100, "next")]
    for query in ("page_size=0", "page_size=201", "model=a%20b", "under_way=perhaps"):
        assert (await client.get(f"/rollouts?{query}")).status_code == 400


@pytest.mark.parametrize("act", ["pause", "resume", "promote", "roll_back"])
async def test_one_is_changed(house: House, client: httpx.AsyncClient, act: str) -> None:
    body = {"why": "night", "expected_revision": 3}
    answer = await client.post(f"/rollouts/ro_1/{act}", json=body)
    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    assert (await client.post(f"/rollouts/ro_1/{act}")).status_code == 200
    assert house.rollouts.changes == [("ro_1", act, "night", 3), ("ro_1", act, "", None)]
    assert (f"rollout.{act}", "ok") in house.audit.seen
    refused = await client.post(f"/rollouts/ro_1/{act}", json={"because": "x"})
    assert refused.json()["error"]["details"]["field"] == "because"
    assert (await client.post(f"/rollouts/ro_1/{act}", json={"expected_revision": -1})).status_code == 400


async def test_policies_are_listed(client: httpx.AsyncClient) -> None:
    [policy] = (await client.get("/policies")).json()["policies"]
    assert (policy["name"], policy["plan"]["objectives"]) == ("quick", {"error_rate": "0.02"})


def test_what_takes_longer_than_any_class_is_as_long_as_the_last() -> None:
    assert Outcomes().with_one(Outcome(first_token=900.0)).first_token_p95 == 120.0
    assert Outcomes().first_token_p95 is None
