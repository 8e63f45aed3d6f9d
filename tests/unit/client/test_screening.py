"""Screening: what both clients send, and what they make of the answers."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from colonnade.client import ArmCounts, NamedPolicy, PolicyVersion
from colonnade.errors import InvalidArgument
from tests.unit.client.platform import Caller, answer, got, refused

AT = "2030-01-02T03:04:05Z"
MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMED, DEFAULT = {"name": "strict", "version": "sha256:a"}, {"name": "default", "version": "sha256:d"}
ENTRY = NAMED | {
    "description": "No cards", "versions": [{"version": "sha256:a", "created_at": None, "by": ""}],
    "in_use": [
        {"tenant": "acme", "route": "/generate", "share": 10, "shadow": False, "version": "sha256:a"}
    ],
}  # fmt: skip
TEXT = NAMED | {"description": "No cards", "created_at": AT, "by": "ann", "yaml": "name: strict\n"}
TRIAL = {
    "text": "4111", "side": "input", "expected": {"action": "refuse", "rule": "none"}, "passed": True,
    "action": "refuse", "rule": "none", "explanations": ["Rule none: refused."],
}  # fmt: skip
TESTED: dict[str, Any] = NAMED | {"outcomes": [TRIAL, TRIAL | {"passed": False}]}
ASSIGNED = {
    "route": "/generate", "policy": None, "candidate": NAMED, "share": 10, "shadow": DEFAULT, "revision": 2,
    "at": AT, "by": "ann", "why": "tried", "stable_counts": {"requests": 90, "refused": 1},
    "candidate_counts": {"requests": 10, "refused": 3},
}  # fmt: skip
KEPT = {
    "id": "dec_1", "at": AT, "request_id": "r1", "subject": "ann", "route": "/generate", "side": "output",
    "rule": "cards", "category": "payment_card", "scorer": "card", "span": {"start": 4, "end": 23},
    "score": 0.99, "action": "mask", "policy": DEFAULT, "explanation": "Rule cards: masked.",
    "shadow": False, "newer": 1,
}  # fmt: skip
COUNTS = {"counts": [{"key": "cards", "count": 3}]}


async def test_policies_are_shown_put_and_tried(caller: Caller) -> None:
    run = NAMED | {"screened": 2, "changed": [{
        "at": AT, "side": "output", "route": "*", "before": "mask", "after": "refuse", "rule": "none",
        "excerpt": "My",
    }]}  # fmt: skip
    caller.answers = [
        answer({"policies": [ENTRY]}), answer(TEXT), answer(TEXT), answer(TEXT | {"is_new": True}),
        answer(TESTED), answer(run), refused(400, "invalid_argument"),
    ]  # fmt: skip
    screening = caller.client().screening
    (entry,) = await got(screening.policies())
    assert entry.versions == (PolicyVersion("sha256:a"),)
    assert (entry.in_use[0].route, entry.in_use[0].share) == ("/generate", 10)
    assert (await got(screening.policy("strict"))).created_at == MOMENT
    await got(screening.policy("strict", version="sha256:a"))
    assert (await got(screening.put("strict", "name: strict"))).is_new
    made = await got(screening.test("x"))
    assert [each.passed for each in made.outcomes] == [True, False]
    assert made.failed == made.outcomes[1:]
    assert (await got(screening.dry_run("x", limit=7))).changed[0].after == "refuse"
    with pytest.raises(InvalidArgument):
        await got(screening.put("strict", "x"))
    asked = [f"{request.method} {request.url.raw_path.decode()}" for request in caller.requests]
    assert asked == [
        "GET /screening/policies", "GET /screening/policies/strict",
        "GET /screening/policies/strict?version=sha256%3Aa", "PUT /screening/policies/strict",
        "POST /screening/policies/test", "POST /screening/dry-runs", "PUT /screening/policies/strict",
    ]  # fmt: skip
    assert caller.bodies[2] == {"yaml": "x", "limit": 7}


async def test_they_are_assigned_under_a_key_and_taken_back(caller: Caller) -> None:
    caller.answers = [
        answer({"assignments": [ASSIGNED]}), httpx.ReadError("gone"), answer(ASSIGNED), answer(ASSIGNED),
        answer(ASSIGNED),
    ]  # fmt: skip
    screening = caller.client().screening
    (held,) = await got(screening.assignments())
    assert (held.policy, held.candidate, held.at) == (None, NamedPolicy("strict", "sha256:a"), MOMENT)
    assert (held.candidate_counts, held.stable_counts) == (ArmCounts(10, 3), ArmCounts(90, 1))
    await got(screening.assign("/generate", "strict", share=0, why="enough"))
    await got(screening.assign("*", "strict", shadow=True, expected_revision=0, idempotency_key="mine"))
    await got(screening.take_back("*", why="too strict", expected_revision=3))
    share = {"route": "/generate", "name": "strict", "share": 0, "why": "enough"}
    assert caller.bodies == [
        share, share, {"route": "*", "name": "strict", "shadow": True, "expected_revision": 0},
        {"route": "*", "why": "too strict", "expected_revision": 3},
    ]  # fmt: skip
    first, again, mine, back = [request.headers.get("idempotency-key") for request in caller.requests[1:]]
    assert (first == again, mine, back) == (True, "mine", None)


async def test_decisions_are_listed_and_counted(caller: Caller) -> None:
    caller.answers = [
        answer({"decisions": [KEPT], "next_page_token": "t"}),
        answer({"decisions": [KEPT], "next_page_token": ""}), answer(COUNTS),
    ]  # fmt: skip
    screening = caller.client().screening
    first, _ = await got(screening.decisions(rule="cards", since=MOMENT, shadow=True))
    assert (first.policy, first.span.end, first.at) == (NamedPolicy("default", "sha256:d"), 23, MOMENT)
    (count,) = await got(screening.summary("day", action="mask"))
    assert (count.key, count.count) == ("cards", 3)
    query = "rule=cards&since=2030-01-02T03%3A04%3A05%2B00%3A00&shadow=true"
    assert [request.url.raw_path.decode() for request in caller.requests] == [
        f"/screening/decisions?page_size=100&{query}",
        f"/screening/decisions?page_size=100&page_token=t&{query}",
        "/screening/decisions/summary?by=day&action=mask",
    ]
