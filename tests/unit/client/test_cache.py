"""Caches of answers: what both clients send, and what they make of the answer."""

import pytest

from colonnade.client import CacheState, CacheUse
from tests.unit.client.platform import ENDING, Caller, answer, got

GENERATION = {"id": "gen-1", "text": "x"} | ENDING


async def test_how_they_stand(caller: Caller) -> None:
    caller.answers = [answer({"store": "memory", "answers": 2, "thresholds": {"faq": 0.9}, "newer": 1})]
    found = await got(caller.client().cache.state())
    assert found == CacheState("memory", 2, thresholds={"faq": 0.9})


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({}, "/cache"),
        ({"model": "a b"}, "/cache?model=a+b"),
        ({"model": "m:1", "tenant": "shop"}, "/cache?model=m%3A1&tenant=shop"),
    ],
    ids=["all", "model", "both"],
)
async def test_they_forget(caller: Caller, asked: dict[str, str], path: str) -> None:
    caller.answers = [answer({"answers": 3})]
    assert await got(caller.client().cache.purge(**asked)) == 3
    sent = [(request.method, request.url.raw_path.decode()) for request in caller.requests]
    assert sent == [("DELETE", path)]


async def test_an_answer_says_where_it_came_from_and_may_be_wanted_anew(caller: Caller) -> None:
    kept = {"kind": "semantic", "age_seconds": 2.5, "similarity": 0.97}
    caller.answers = [answer(GENERATION | {"cache": kept}), answer(GENERATION)]
    client = caller.client()
    assert (await got(client.generate("x"))).cache == CacheUse("semantic", 2.5, 0.97)
    assert (await got(client.generate("x", cache_control="no-cache"))).cache is None
    assert [request.headers.get("cache-control") for request in caller.requests] == [None, "no-cache"]
    assert "cache_control" not in caller.bodies[1]
