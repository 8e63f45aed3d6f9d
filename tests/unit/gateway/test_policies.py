"""``/screening``: what goes to the ethics service, and what comes back."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from colonnade.gateway.domain.decisions import DecisionFilter
from colonnade.gateway.domain.policies import NewAssignment
from tests.unit.gateway.fakes import House

AT = "2030-01-02T00:00:00Z"
VERSION = {"version": "sha256:a", "created_at": AT, "by": "ann"}
NAMED = {"name": "strict", "version": "sha256:a"}
DEFAULT = {"name": "default", "version": "sha256:d"}


async def test_policies_are_shown_and_put(house: House, client: httpx.AsyncClient) -> None:
    (entry,) = (await client.get("/screening/policies")).json()["policies"]
    assert entry == {
        "name": "default", "description": "For all", "version": "sha256:d",
        "versions": [{"version": "sha256:d", "created_at": None, "by": ""}],
        "in_use": [
            {"tenant": "", "route": "*", "share": 100, "shadow": False, "version": "sha256:d"}
        ],
    }  # fmt: skip
    shown = await client.get("/screening/policies/strict?version=sha256:a")
    assert shown.json() == {**VERSION, "name": "strict", "description": "Strict", "yaml": "name: strict"}
    put = await client.put("/screening/policies/strict", json={"yaml": "name: strict"})
    assert (put.status_code, put.json()) == (200, {**VERSION, "name": "strict", "is_new": True})
    assert house.policies.asked == [("get", "strict", "sha256:a"), ("put", "strict", "name: strict")]


async def test_policies_are_tried(house: House, client: httpx.AsyncClient) -> None:
    tested = await client.post("/screening/policies/test", json={"yaml": "x"})
    assert tested.json() == NAMED | {
        "outcomes": [
            {
                "text": "4111", "side": "input", "expected": {"action": "refuse", "rule": "none"},
                "passed": False, "action": "allow", "rule": "", "explanations": ["Rule x: allowed."],
            }
        ]
    }  # fmt: skip
    run = await client.post("/screening/dry-runs", json={"yaml": "x"})
    assert run.json() == NAMED | {
        "screened": 2,
        "changed": [
            {
                "at": AT, "side": "output", "route": "/generate", "before": "mask", "after": "refuse",
                "rule": "none", "excerpt": "My number",
            }
        ],
    }  # fmt: skip
    await client.post("/screening/dry-runs", json={"yaml": "x", "limit": 7})
    assert house.policies.asked == [("test", "x"), ("dry_run", "x", 1000), ("dry_run", "x", 7)]


async def test_they_are_assigned_and_taken_back(house: House, client: httpx.AsyncClient) -> None:
    (held,) = (await client.get("/screening/assignments")).json()["assignments"]
    assert held == {
        "route": "/generate", "policy": None, "candidate": NAMED, "share": 10, "shadow": DEFAULT,
        "revision": 2, "at": AT, "by": "ann", "why": "tried",
        "stable_counts": {"requests": 90, "refused": 1}, "candidate_counts": {"requests": 10, "refused": 3},
    }  # fmt: skip
    body = {"route": "*", "name": "strict", "version": "sha256:a", "share": 0, "shadow": True, "why": "ok"}
    assigned = await client.post(
        "/screening/assignments", json=body | {"expected_revision": 0}, headers={"idempotency-key": "k"}
    )
    assert (assigned.status_code, assigned.json()["policy"]) == (200, NAMED)
    assert assigned.json()["stable_counts"] is None
    await client.post("/screening/assignments", json={"route": "/generate", "name": "strict"})
    back = await client.post("/screening/assignments/take-back", json={"route": "*", "expected_revision": 3})
    assert (back.json()["policy"], back.json()["revision"]) == (None, 2)
    assert house.policies.asked == [
        ("assign", NewAssignment("*", "strict", "sha256:a", 0, True, "ok", 0), "k"),
        ("assign", NewAssignment("/generate", "strict"), ""),
        ("take_back", "*", "", 3),
    ]


async def test_decisions_are_listed_and_counted(house: House, client: httpx.AsyncClient) -> None:
    query = (
        "rule=cards&action=mask&route=/generate&request_id=r1&since=2030-01-02T01:00:00%2B01:00&shadow=true"
    )
    listed = await client.get(f"/screening/decisions?{query}&page_size=7&page_token=t")
    assert listed.json() == {
        "decisions": [
            {
                "id": "dec_1", "at": AT, "request_id": "r1", "subject": "ann", "route": "/generate",
                "side": "output", "rule": "cards", "category": "payment_card", "scorer": "card",
                "span": {"start": 4, "end": 23}, "score": 0.99, "action": "mask", "policy": DEFAULT,
                "explanation": "Rule cards: masked.", "shadow": False,
            }
        ],
        "next_page_token": "next",
    }  # fmt: skip
    counted = await client.get("/screening/decisions/summary?by=day&action=refuse")
    assert counted.json() == {"counts": [{"key": "cards", "count": 3}]}
    await client.get("/screening/decisions")
    moment = datetime(2030, 1, 2, tzinfo=UTC)
    assert house.decisions.asked == [
        (DecisionFilter("cards", "mask", "/generate", "r1", moment, True), 7, "t"),
        (DecisionFilter(action="refuse"), "day"),
        (DecisionFilter(), 50, ""),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "policies/strict", {"yaml": ""}, "yaml"),
        ("POST", "policies/test", {"yaml": "\0"}, "yaml"),
        ("POST", "dry-runs", {"yaml": "x", "limit": 10_001}, "limit"),
        ("POST", "assignments", {"route": "", "name": "x"}, "route"),
        ("POST", "assignments", {"route": "*", "name": "x", "share": 101}, "share"),
        ("POST", "assignments", {"route": "*", "name": "x", "share": 1.5}, "share"),
        ("POST", "assignments", {"route": "*", "name": "x", "expected_revision": -1}, "expected_revision"),
        ("POST", "assignments/take-back", {"route": "*", "name": "x"}, "name"),
        ("GET", "decisions?action=forgive", None, "action"),
        ("GET", "decisions?since=2030-01-02", None, "since"),
        ("GET", "decisions?page_size=0", None, "page_size"),
        ("GET", "decisions?request_id=r%201", None, "request_id"),
        ("GET", "decisions/summary?by=tenant", None, "by"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    house: House, client: httpx.AsyncClient, method: str, path: str, body: Any, field: str
) -> None:
    refused = await client.request(method, f"/screening/{path}", json=body)
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, field)
    assert house.policies.asked == house.decisions.asked == []
