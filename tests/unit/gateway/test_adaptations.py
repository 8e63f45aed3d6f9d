"""``/adaptations``: what goes to the ethics service, as whom, and what comes back."""

from dataclasses import asdict

import httpx
import pytest

from colonnade.gateway.domain.adapting import NewAdaptation
from tests.unit.gateway.fake_adapting import PAIR, PROPOSED
from tests.unit.gateway.fakes import House

AT = "2030-01-02T00:00:00Z"
SHOWN = asdict(PROPOSED) | {
    "created_at": AT, "ended_at": AT, "sources": ["best_of_n"],
    "pairs": [asdict(each) for each in PROPOSED.pairs],
    "figures": [asdict(each) for each in PROPOSED.figures],
}  # fmt: skip


async def test_one_is_begun_once_under_a_key(house: House, client: httpx.AsyncClient) -> None:
    body = {
        "model": "tiny", "version": 3, "sources": ["best_of_n", "feedback", "best_of_n"], "prompts": ["Why?"],
        "answers": 4, "reward_model": "rm_1", "steps": 20, "policy": "careful", "route": "production",
    }  # fmt: skip
    begun = await client.post("/adaptations", json=body, headers={"idempotency-key": "k"})
    assert (begun.status_code, begun.json()) == (202, SHOWN)
    assert (await client.post("/adaptations", json={"model": "tiny"})).status_code == 202
    sources = ("best_of_n", "feedback")
    assert house.adaptations.asked == [
        ("local", NewAdaptation("tiny", 3, sources, ("Why?",), 4, "rm_1", 20, "careful", "production", "k")),
        ("local", NewAdaptation("tiny")),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "no such/name"}, "model"),
        ({"model": "tiny", "version": 0}, "version"),
        ({"model": "tiny", "answers": 1}, "answers"),
        ({"model": "tiny", "steps": 0}, "steps"),
        ({"model": "tiny", "policy": "../x"}, "policy"),
        ({"model": "tiny", "route": "a b"}, "route"),
        ({"model": "tiny", "reward_model": "x" * 65}, "reward_model"),
        ({"model": "tiny", "prompts": ["x" * 4097]}, "prompts"),
        ({"model": "tiny", "sources": ["hearsay"]}, "sources"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    house: House, client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    refused = await client.post("/adaptations", json=body)
    assert refused.status_code in (400, 413, 422)
    assert field in str(refused.json()["error"])
    assert house.adaptations.asked == []


async def test_how_far_it_is_and_what_it_learns_from(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/adaptations/ad_1")).json() == SHOWN
    listed = (await client.get("/adaptations?model=tiny&page_size=7&page_token=t")).json()
    assert listed == {"adaptations": [SHOWN], "next_page_token": "next"}
    assert (await client.post("/adaptations/ad_1/cancel")).json() == SHOWN
    pairs = (await client.get("/adaptations/ad_1/pairs?page_size=5")).json()
    assert pairs == {"pairs": [asdict(PAIR)], "next_page_token": "next"}
    assert house.adaptations.asked == [
        ("local", "ad_1"), ("local", "tiny", 7, "t"), ("local", "cancel", "ad_1"),
        ("local", "pairs", "ad_1", 5, ""),
    ]  # fmt: skip
