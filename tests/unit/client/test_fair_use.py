"""Limits and usage: what both clients send, and what they make of the answer."""

import inspect
from datetime import date
from typing import Any

import pytest

from colonnade.client import AsyncColonnade, Colonnade, Left, Limits, Remaining
from colonnade.errors import InvalidArgument
from tests.unit.client.platform import Caller, answer, got

LIMITS = {"kind": "tenant", "tenant": "shop", "name": "", "requests_per_minute": 5, "updated_by": "ann"}
SUM = {
    "requests": 2, "prompt_tokens": 10, "cached_prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 15
}  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ({"key": "k1"}, "/limits/keys/k1"),
        ({"tenant": "shop"}, "/limits/tenants/shop"),
        ({"tenant": "shop", "model": "a b"}, "/limits/tenants/shop/models/a%20b"),
    ],
    ids=["key", "tenant", "model"],
)
async def test_limits_have_a_place(caller: Caller, scope: dict[str, str], path: str) -> None:
    caller.answers = [answer(LIMITS), answer(LIMITS), answer(None, 204)]
    client = caller.client()
    found = await got(client.limits.set({"requests_per_minute": 5, "monthly_tokens": None}, **scope))
    assert found == Limits("tenant", "shop", "", 5, updated_by="ann")
    assert await got(client.limits.get(**scope)) == found
    assert await got(client.limits.delete(**scope)) is None
    sent = [(request.method, request.url.raw_path.decode()) for request in caller.requests]
    assert sent == [("PUT", path), ("GET", path), ("DELETE", path)]
    assert caller.bodies == [{"requests_per_minute": 5}]


@pytest.mark.parametrize(
    "scope", [{}, {"model": "m"}, {"key": "k", "tenant": "t"}], ids=["nothing", "model-alone", "two"]
)
async def test_a_scope_that_is_none_is_not_sent(caller: Caller, scope: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="name a key, a tenant"):
        await got(caller.client().limits.get(**scope))
    assert not caller.requests


async def test_what_is_left(caller: Caller) -> None:
    left = {"limit": 5, "remaining": 3, "reset_seconds": 24.0}
    body = {"limits": [{"kind": "key", "tenant": "shop", "name": "k1", "requests": left, "tokens": None}]}
    caller.answers = [answer(body), answer({"limits": [LIMITS]})]
    client = caller.client()
    assert await got(client.limits.me(model="tiny")) == [
        Remaining("key", "shop", "k1", requests=Left(5, 3, 24.0))
    ]
    assert caller.requests[0].url.raw_path == b"/limits/me?model=tiny"
    assert [each.kind for each in await got(client.limits.list())] == ["tenant"]


async def test_usage(caller: Caller) -> None:
    body = {"from": "2030-01-01", "group_by": ["day"], "usage": [SUM | {"day": "2030-01-01"}], "total": SUM}
    caller.answers = [answer(body), answer(body)]
    client = caller.client()
    report = await got(client.usage(first=date(2030, 1, 1), group_by=["day", "key"], tenant="shop"))
    assert (report.usage[0].day, report.total.total_tokens) == (date(2030, 1, 1), 15)
    await got(client.usage())
    assert caller.requests[0].url.raw_path == b"/usage?from=2030-01-01&group_by=day%2Ckey&tenant=shop"
    assert caller.requests[1].url.raw_path == b"/usage"


async def test_a_priority_is_sent(caller: Caller) -> None:
    caller.answers = [answer({"error": {"code": "permission_denied", "message": "no"}}, 403)]
    with pytest.raises(Exception, match="no"):
        await got(caller.client().generate("p", priority=5))
    assert caller.bodies[0]["priority"] == 5


def test_both_clients_offer_the_same_limits() -> None:
    with Colonnade() as client:
        for name, method in inspect.getmembers(type(client.limits), inspect.isfunction):
            other = getattr(type(AsyncColonnade().limits), name)
            assert list(inspect.signature(method).parameters) == list(inspect.signature(other).parameters)
