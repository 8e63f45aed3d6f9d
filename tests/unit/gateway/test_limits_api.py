"""``/limits`` and ``/usage``: who sees what, who sets what, JSON and CSV."""

import csv
import io
from datetime import date
from typing import Any

import httpx
import pytest

from colonnade.errors import Unavailable
from colonnade.gateway.domain.keys import IssuedKey
from colonnade.gateway.domain.usage import Account, Amounts, Entry
from colonnade.security.identity import Role
from tests.unit.gateway.fakes import House
from tests.unit.gateway.test_fair_use import ask, key

DAY = date(2030, 1, 31)


async def call(
    house: House, who: IssuedKey, method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    async with house.client(who.secret) as client:
        more = {} if body is None else {"json": body}
        return await client.request(method, path, headers=headers, **more)


async def test_limits_of_a_key_from_beginning_to_end(house: House) -> None:
    boss, mine = await key(house, "local", Role.ADMIN), await key(house)
    path = f"/limits/keys/{mine.record.id}"
    assert (await call(house, boss, "GET", path)).status_code == 404
    assert (await ask(house, mine.secret)).status_code == 200  # what holds is remembered, and forgotten
    put = await call(house, boss, "PUT", path, {"requests_per_minute": 1, "max_priority": 3})
    assert put.status_code == 200
    told = put.json()
    assert (told["kind"], told["tenant"], told["name"]) == ("key", "acme", mine.record.id)
    assert (told["requests_per_minute"], told["tokens_per_minute"], told["max_priority"]) == (1, None, 3)
    assert (await call(house, boss, "GET", path)).json() == told
    listed = (await call(house, boss, "GET", "/limits")).json()
    assert listed["limits"] == [told]
    assert listed["defaults"]["tenant"]["monthly_tokens"] is None
    assert [(await ask(house, mine.secret)).status_code for _ in range(2)] == [200, 429]
    assert (await call(house, boss, "DELETE", path)).status_code == 204
    assert [act for act in house.audit.seen if act[0].startswith("limits.")] == [
        ("limits.set", "begun"), ("limits.set", "ok"), ("limits.delete", "begun"), ("limits.delete", "ok"),
    ]  # fmt: skip


async def test_what_is_left(house: House) -> None:
    boss, mine = await key(house, "local", Role.ADMIN), await key(house)
    await call(house, boss, "PUT", f"/limits/keys/{mine.record.id}", {"requests_per_minute": 5})
    await call(house, boss, "PUT", "/limits/tenants/acme", {"monthly_tokens": 100, "concurrent_requests": 2})
    await call(house, boss, "PUT", "/limits/tenants/acme/models/tiny", {"tokens_per_minute": 50})
    await ask(house, mine.secret)
    await house.settled()
    found = (await call(house, mine, "GET", "/limits/me?model=tiny")).json()["limits"]
    of_key, of_tenant, of_model = found
    assert of_key["requests"]["remaining"] == 4
    assert of_key["tokens"] is None
    assert of_tenant["monthly_tokens"] == {"limit": 100, "remaining": 95, "reset_seconds": None}
    assert of_tenant["concurrent_requests"]["remaining"] == 2
    assert of_model["name"] == "tiny"
    assert of_model["tokens"]["remaining"] == 45


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/limits/keys/{own}", {"requests_per_minute": 5}, 200),
        ("PUT", "/limits/keys/{own}", {"max_priority": -2}, 200),
        ("PUT", "/limits/keys/{own}", {"max_priority": 1}, 403),
        ("PUT", "/limits/keys/{foreign}", {"requests_per_minute": 5}, 404),
        ("GET", "/limits/keys/{foreign}", None, 404),
        ("DELETE", "/limits/keys/{foreign}", None, 404),
        ("PUT", "/limits/tenants/acme", {"requests_per_minute": 5}, 403),
        ("PUT", "/limits/tenants/acme/models/tiny", {}, 403),
        ("DELETE", "/limits/tenants/acme", None, 403),
        ("GET", "/limits/tenants/umbrella", None, 404),
    ],
    ids=lambda value: str(value).replace("/", "_"),
)
async def test_a_tenants_admin_sets_its_keys_alone(
    house: House, method: str, path: str, body: Any, status: int
) -> None:
    admin, own, foreign = await key(house, "acme", Role.ADMIN), await key(house), await key(house, "umbrella")
    filled = path.format(own=own.record.id, foreign=foreign.record.id)
    assert (await call(house, admin, method, filled, body)).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("tenants/acme", {"requests_per_minute": -1}, "requests_per_minute"),
        ("tenants/acme", {"max_priority": 1}, "max_priority"),
        ("tenants/acme", {"surprise": 1}, "surprise"),
        ("tenants/acme", {"monthly_tokens": 2**60}, "monthly_tokens"),
        ("tenants/acme", {"tokens_per_minute": "7"}, "tokens_per_minute"),
        ("tenants/a%20b", {}, "tenant"),
        ("tenants/acme/models/A%2FB", {}, ""),
    ],
    ids=["negative", "not-a-key", "unknown", "huge", "text", "tenant", "model"],
)
async def test_wrong_limits_are_refused_naming_the_field(
    house: House, path: str, body: Any, field: str
) -> None:
    boss = await key(house, "local", Role.ADMIN)
    reply = await call(house, boss, "PUT", f"/limits/{path}", body)
    assert reply.status_code in (400, 404)
    assert field in reply.text


async def test_what_cannot_be_recorded_is_not_set(house: House) -> None:
    boss = await key(house, "local", Role.ADMIN)
    house.audit.error = Unavailable("no audit")
    assert (await call(house, boss, "PUT", "/limits/tenants/acme", {})).status_code == 503
    assert not await house.limit_store.records(None)


@pytest.fixture
async def used(house: House) -> dict[str, IssuedKey]:
    people = {
        "boss": await key(house, "local", Role.ADMIN),
        "auditor": await key(house, "acme", Role.AUDITOR),
        "caller": await key(house, "acme"),
        "beside": await key(house, "acme"),
        "stranger": await key(house, "umbrella"),
    }
    for name in ("caller", "beside", "stranger"):
        issued = people[name].record
        account = Account(issued.key.tenant, issued.id, "tiny", "=poet" if name == "caller" else "")
        for day in (date(2030, 1, 30), DAY):
            house.ledger.record(Entry(account, day, Amounts(1, 10, 4, 5)))
    return people


@pytest.mark.parametrize(
    ("who", "more", "requests"),
    [
        ("boss", "", 6), ("boss", "&tenant=acme", 4), ("auditor", "", 4), ("auditor", "&tenant=acme", 4),
        ("caller", "", 2), ("stranger", "", 2), ("auditor", "&tenant=umbrella", 403),
        ("caller", "&tenant=umbrella", 403), ("caller", "&key=other", 403), ("boss", "&model=none", 0),
    ],
)  # fmt: skip
async def test_everyone_sees_their_own(
    house: House, used: dict[str, IssuedKey], who: str, more: str, requests: int
) -> None:
    reply = await call(house, used[who], "GET", f"/usage?from=2030-01-01&to=2030-01-31{more}")
    if requests == 403:
        assert reply.status_code == 403
    else:
        assert reply.json()["total"]["requests"] == requests


async def test_usage_as_json_and_as_csv(house: House, used: dict[str, IssuedKey]) -> None:
    path = "/usage?from=2030-01-31&to=2030-01-31&group_by=adapter,day&tenant=acme"
    told = (await call(house, used["boss"], "GET", path)).json()
    assert told["group_by"] == ["adapter", "day"]
    assert (told["from"], told["to"]) == ("2030-01-31", "2030-01-31")
    assert told["usage"][1] == {
        "adapter": "=poet", "day": "2030-01-31", "requests": 1, "prompt_tokens": 10,
        "cached_prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 15,
        "cached_requests": 0, "cached_completion_tokens": 0,
    }  # fmt: skip
    for asked in ({"path": path + "&format=csv"}, {"path": path, "accept": "text/csv"}):
        reply = await call(house, used["boss"], "GET", **asked)
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.reader(io.StringIO(reply.text)))
        assert rows[0][:3] == ["adapter", "day", "requests"]
        assert rows[2] == ["'=poet", "2030-01-31", "1", "10", "4", "5", "15", "0", "0"], (
            "no formula for a spreadsheet"
        )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2030-13-01", "to"),
        ("from=2030-02-01&to=2030-01-01", "to"),
        ("group_by=day,colour", "group_by"),
        ("group_by=day,day", "group_by"),
        ("format=xml", "format"),
        ("from=1900-01-01&to=2030-01-01", "to"),
    ],
)
async def test_a_question_that_makes_no_sense(house: House, query: str, field: str) -> None:
    async with house.client() as client:
        reply = await client.get(f"/usage?{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["details"]["field"] == field


async def test_this_month_is_the_default(house: House) -> None:
    assert (await ask(house, "")).status_code == 200
    async with house.client() as client:
        told = (await client.get("/usage")).json()
    assert told["from"].endswith("-01")
    assert told["total"]["total_tokens"] == 5
