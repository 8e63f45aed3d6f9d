"""Feedback: what both clients send, and what they make of the answers."""

from datetime import UTC, datetime

import httpx
import pytest

from colonnade.client import AnsweredBy, Pair, RewardModel, RewardScores
from colonnade.client.results.feedback import Turn
from colonnade.errors import NotFound
from tests.unit.client.platform import Caller, answer, got, refused

AT = "2030-01-02T03:04:05Z"
GIVEN = {
    "id": "fb_1", "kind": "correction", "state": "waiting", "subject": "ann", "given_at": AT,
    "request_id": "r1",
    "answered_by": {"model": "tiny", "version": 3, "digest": "sha256:a", "confirmed": True},
    "messages": [{"role": "user", "content": "Far?"}], "value": None, "chosen": "A mile.",
    "rejected": "Dunno.", "comment": "", "reviewed_by": "", "reviewed_at": None, "why": "", "newer": 1,
}  # fmt: skip
MODEL = {
    "id": "rm_1", "made_at": AT, "embedding_model": "sha256:e", "accuracy": 0.75, "accuracy_low": 0.5,
    "accuracy_high": 0.9, "learnt": 40, "held_out": 10, "card": {"penalty": 3.0},
}  # fmt: skip


async def test_it_is_given_under_a_key(caller: Caller) -> None:
    caller.answers = [httpx.ReadError("gone"), answer(GIVEN, 201), answer(GIVEN, 201)]
    client = caller.client()
    given = await got(client.feedback.give("thumb", value="up", request_id="r1"))
    assert given.answered_by == AnsweredBy("sha256:a", "tiny", 3, confirmed=True)
    assert (given.messages, given.given_at) == (
        (Turn("user", "Far?"),),
        datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    messages = ({"role": "user", "content": "Far?"},)
    await got(
        client.feedback.give(
            "preference", messages=messages, chosen="a", rejected="b", subject="ann", idempotency_key="mine"
        )
    )
    thumb = {"kind": "thumb", "value": "up", "request_id": "r1"}
    preference = {
        "kind": "preference",
        "messages": [*messages],
        "chosen": "a",
        "rejected": "b",
        "subject": "ann",
    }
    assert caller.bodies == [thumb, thumb, preference]
    first, again, mine = [request.headers["idempotency-key"] for request in caller.requests]
    assert (first == again, mine) == (True, "mine")


async def test_it_is_listed_reviewed_and_taken_back(caller: Caller) -> None:
    caller.answers = [
        answer({"feedback": [GIVEN], "next_page_token": "t"}),
        answer({"feedback": [GIVEN], "next_page_token": ""}),
        answer(GIVEN), answer(GIVEN), answer(GIVEN), httpx.Response(204), refused(404, "not_found"),
    ]  # fmt: skip
    feedback = caller.client().feedback
    assert len(await got(feedback.list(state="waiting", kind="thumb"))) == 2
    await got(feedback.get("fb_1"))
    await got(feedback.accept("fb_1", why="True."))
    await got(feedback.reject("fb_1"))
    await got(feedback.withdraw("fb_1"))
    with pytest.raises(NotFound):
        await got(feedback.get("fb_2"))
    asked = [f"{request.method} {request.url.raw_path.decode()}" for request in caller.requests]
    assert asked == [
        "GET /feedback?page_size=100&state=waiting&kind=thumb",
        "GET /feedback?page_size=100&page_token=t&state=waiting&kind=thumb",
        "GET /feedback/fb_1", "POST /feedback/fb_1/review", "POST /feedback/fb_1/review",
        "DELETE /feedback/fb_1", "GET /feedback/fb_2",
    ]  # fmt: skip


async def test_pairs_and_reward_models(caller: Caller) -> None:
    told = {"role": "user", "content": "Far?"}
    pair = {"messages": [told], "chosen": "a", "rejected": "b", "made_of": ["fb_1"]}
    talk = pair | {"messages": [{"role": "system", "content": "Kind."}, told]}
    caller.answers = [
        answer({"pairs": [pair, talk], "next_page_token": ""}), answer(MODEL, 201),
        answer({"models": [MODEL]}), answer({"model": "rm_1", "scores": [1.5, -1.0]}),
        httpx.Response(200, content=b"st", headers={"content-type": "application/octet-stream"}),
    ]  # fmt: skip
    feedback = caller.client().feedback
    plain, conversation = await got(feedback.pairs())
    assert plain == Pair((Turn("user", "Far?"),), "a", "b", ("fb_1",))
    assert plain.line() == {"prompt": "Far?", "chosen": "a", "rejected": "b"}
    assert conversation.line()["prompt"] == talk["messages"]
    made = await got(feedback.train(built_in=False))
    assert isinstance(made, RewardModel)
    assert (made.card, made.accuracy) == ({"penalty": 3.0}, 0.75)
    assert await got(feedback.models()) == [made]
    assert await got(feedback.score("Far?", ["a", "b"])) == RewardScores("rm_1", (1.5, -1.0))
    assert await got(feedback.weights("rm_1")) == b"st"
