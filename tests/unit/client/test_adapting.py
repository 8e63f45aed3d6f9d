"""Adaptations: what both clients send, and what they make of the answers."""

import httpx

from colonnade.client import AdaptationFigure, AdaptationPair, AdaptationPairCount
from tests.unit.client.platform import Caller, answer, got

AT = "2030-01-02T03:04:05Z"
PAIRING = {
    "id": "ad_1", "model": "tiny", "version": 3, "digest": "sha256:a", "sources": ["best_of_n"], "answers": 4,
    "reward_model": "", "steps": 60, "policy": "careful", "route": "production", "state": "pairing",
    "created_at": AT, "ended_at": None, "by": "acme/ada", "done": 3, "total": 30, "pairs": [], "job": "",
    "adapted": None, "figures": [], "rollout": "", "why": "", "newer": 1,
}  # fmt: skip
FIGURE = {
    "measure": "harm", "before": 0.4, "before_low": 0.3, "before_high": 0.5, "after": 0.2, "after_low": 0.1,
    "after_high": 0.3, "count": 60,
}  # fmt: skip
COUNT = {"source": "best_of_n", "tried": 30, "pairs": 20, "lowered": 0}
PROPOSED = PAIRING | {
    "state": "proposed",
    "ended_at": AT,
    "adapted": 4,
    "rollout": "ro_1",
    "figures": [FIGURE],
    "pairs": [COUNT],
}
PAIR = {
    "source": "best_of_n", "prompt": "Hi", "chosen": "Hello", "rejected": "Fool", "chosen_harm": 0.0,
    "rejected_harm": 0.9,
}  # fmt: skip


async def test_one_is_begun_under_a_key_and_followed(caller: Caller) -> None:
    caller.answers = [
        httpx.ReadError("gone"), answer(PAIRING, 202), answer(PAIRING, 202), answer(PROPOSED),
        answer({"adaptations": [PROPOSED], "next_page_token": ""}),
        answer({"pairs": [PAIR], "next_page_token": ""}), answer(PROPOSED),
    ]  # fmt: skip
    adaptations = caller.client().adaptations
    begun = await got(adaptations.begin("tiny"))
    await got(
        adaptations.begin(
            "tiny", idempotency_key="mine", version=3, sources=("best_of_n",), prompts=("Hi",), steps=9
        )
    )
    assert (begun.ended, begun.done, begun.total) == (False, 3, 30)
    done = await got(adaptations.get("ad_1"))
    assert (done.ended, done.adapted, done.rollout) == (True, 4, "ro_1")
    assert done.figures == (AdaptationFigure("harm", 0.4, 0.3, 0.5, 0.2, 0.1, 0.3, 60),)
    assert done.pairs == (AdaptationPairCount("best_of_n", 30, 20, 0),)
    assert await got(adaptations.list(model="tiny")) == [done]
    assert await got(adaptations.pairs("ad_1", limit=5)) == [
        AdaptationPair("best_of_n", "Hi", "Hello", "Fool", 0.0, 0.9)
    ]
    assert await got(adaptations.cancel("ad_1")) == done
    asked = {"model": "tiny", "version": 3, "sources": ["best_of_n"], "prompts": ["Hi"], "steps": 9}
    assert caller.bodies[:3] == [{"model": "tiny"}, {"model": "tiny"}, asked]
    first, again, mine = [request.headers["idempotency-key"] for request in caller.requests[:3]]
    assert (first == again, mine) == (True, "mine")
    assert [f"{each.method} {each.url.raw_path.decode()}" for each in caller.requests[3:]] == [
        "GET /adaptations/ad_1",
        "GET /adaptations?page_size=100&model=tiny",
        "GET /adaptations/ad_1/pairs?page_size=5",
        "POST /adaptations/ad_1/cancel",
    ]
