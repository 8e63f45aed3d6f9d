"""``/feedback`` and ``/reward-models``: what goes to the ethics service, as whom, and what comes back."""

from typing import Any

import httpx
import pytest

from colonnade.gateway.domain.feedback import AnsweredBy, NewFeedback, Turn
from colonnade.gateway.domain.models import Target
from colonnade.gateway.service.answers import Answers
from tests.unit.gateway.fake_feedback import ASKED
from tests.unit.gateway.fakes import House

DIGEST = "sha256:" + "b" * 64
AT = "2030-01-02T00:00:00Z"
THUMB: dict[str, Any] = {"kind": "thumb", "value": "up", "request_id": "r1"}
BETTER = {"kind": "correction", "prompt": "Is it far?", "answer": "Dunno.", "correction": "A mile."}


async def test_feedback_is_given_under_a_key(house: House, client: httpx.AsyncClient) -> None:
    body = BETTER | {"subject": "ann", "comment": "Rude.", "version": DIGEST}
    given = await client.post("/feedback", json=body, headers={"idempotency-key": "k1"})
    assert (given.status_code, given.json()) == (201, {
        "id": "fb_1", "kind": "correction", "state": "waiting", "subject": "ann", "given_at": AT,
        "request_id": "",
        "answered_by": {"model": None, "version": None, "digest": DIGEST, "confirmed": False},
        "messages": [{"role": "user", "content": "Is it far?"}], "value": None, "chosen": "A mile.",
        "rejected": "Dunno.", "comment": "Rude.", "reviewed_by": "", "reviewed_at": None, "why": "",
    })  # fmt: skip
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."}]
    preference = {"kind": "preference", "messages": messages, "chosen": "Hello!", "rejected": "What?"}
    assert (await client.post("/feedback", json=preference)).status_code == 201
    down = THUMB | {"value": "down", "prompt": "Hi.", "answer": "What?"}
    assert (await client.post("/feedback", json=down)).json()["value"] == "down"
    said = (Turn("system", "Be kind."), Turn("user", "Hi."))
    by = AnsweredBy(digest=DIGEST)
    assert house.feedback.asked == [
        ("give", NewFeedback("correction", "", by, ASKED, "A mile.", "Dunno.", False, "Rude."), "k1"),
        ("give", NewFeedback("preference", prompt=said, chosen="Hello!", rejected="What?"), ""),
        ("give", NewFeedback("thumb", "r1", prompt=said[1:], rejected="What?"), ""),
    ]
    assert house.feedback.subjects == ["ann", "local", "local"]


async def test_what_answered_is_known_by_the_request(house: House, client: httpx.AsyncClient) -> None:
    answered = await client.post("/generate", json={"prompt": "x"}, headers={"x-request-id": "r1"})
    assert answered.status_code == 200
    told = (await client.post("/feedback", json=THUMB | {"version": DIGEST})).json()["answered_by"]
    model = answered.json()["model"]
    assert told == {
        "model": model["name"], "version": model["version"], "digest": model["digest"], "confirmed": True
    }  # fmt: skip
    unknown = await client.post("/feedback", json=THUMB | {"request_id": "r2"})
    assert unknown.json()["answered_by"] is None


def test_the_newest_answers_are_known_of_each_tenant_alone() -> None:
    answers = Answers(most=2)
    for number in range(1, 4):
        answers.note("acme", f"r{number}", Target("tiny", number, f"sha256:{number}", 100))
    answers.note("other", "r3", Target("tiny", 9, "sha256:9", 100))
    known = [answers.by("acme", f"r{number}") for number in range(1, 4)]
    assert known == [None, None, AnsweredBy("tiny", 3, "sha256:3", confirmed=True)]
    assert answers.by("other", "r3") == AnsweredBy("tiny", 9, "sha256:9", confirmed=True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "thumb", "request_id": "r1"}, "value"),
        (THUMB | {"chosen": "x"}, "chosen"),
        (THUMB | {"request_id": "r 1"}, "request_id"),
        (THUMB | {"version": "sha256:1"}, "version"),
        (BETTER | {"messages": []}, "messages"),
        (BETTER | {"correction": ""}, "correction"),
        ({key: text for key, text in BETTER.items() if key != "answer"}, "answer"),
        (BETTER | {"answer": "\0"}, "answer"),
        (BETTER | {"value": "up"}, "value"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    house: House, client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    refused = await client.post("/feedback", json=body)
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, field)
    assert house.feedback.asked == []


async def test_it_is_listed_reviewed_and_taken_back(house: House, client: httpx.AsyncClient) -> None:
    listed = await client.get("/feedback?state=waiting&kind=correction&page_size=7&page_token=t")
    assert [each["id"] for each in listed.json()["feedback"]] == ["fb_1"]
    assert listed.json()["next_page_token"] == "next"
    assert (await client.get("/feedback/fb_2")).json()["id"] == "fb_2"
    reviewed = await client.post("/feedback/fb_1/review", json={"decision": "accept", "why": "True."})
    assert (reviewed.json()["state"], reviewed.json()["why"]) == ("accepted", "True.")
    rejected = await client.post("/feedback/fb_1/review", json={"decision": "reject"})
    assert rejected.json()["state"] == "rejected"
    assert (await client.delete("/feedback/fb_1")).status_code == 204
    pairs = (await client.get("/feedback/pairs")).json()["pairs"]
    assert pairs == [{
        "messages": [{"role": "user", "content": "Is it far?"}], "chosen": "A mile.", "rejected": "Dunno.",
        "made_of": ["fb_1"],
    }]  # fmt: skip
    assert house.feedback.asked == [
        ("page", "waiting", "correction", 7, "t"), ("get", "fb_2"), ("review", "fb_1", True, "True."),
        ("review", "fb_1", False, ""), ("withdraw", "fb_1"), ("pairs", 50, ""),
    ]  # fmt: skip


async def test_reward_models_are_made_shown_and_asked(house: House, client: httpx.AsyncClient) -> None:
    made = await client.post("/reward-models", json={"built_in": False}, headers={"idempotency-key": "k"})
    shown = {
        "id": "rm_1", "made_at": AT, "embedding_model": "sha256:e", "accuracy": 0.75, "accuracy_low": 0.5,
        "accuracy_high": 0.9, "learnt": 40, "held_out": 10, "card": {"penalty": 3.0},
    }  # fmt: skip
    assert (made.status_code, made.json()) == (201, shown)
    assert (await client.get("/reward-models")).json() == {"models": [shown]}
    assert (await client.get("/reward-models/rm_2")).json() == shown | {"id": "rm_2"}
    weights = await client.get("/reward-models/rm_1/weights")
    assert (weights.headers["content-type"], weights.content) == ("application/octet-stream", b"weights")
    scored = await client.post("/reward-models/score", json={"prompt": "Is it far?", "answers": ["a", "b"]})
    assert scored.json() == {"model": "rm_1", "scores": [0.0, 1.0]}
    assert house.feedback.asked == [("train", False, "k"), ("score", "", ASKED, ("a", "b"))]
