"""``GET /whoami``: as whom a caller is let in, and what the access table says it may do."""

import httpx
import pytest

from colonnade.gateway.domain.keys import KeyOrder
from colonnade.security.access import allowed
from colonnade.security.access.gateway import ROUTES
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.every_route import GRANTABLE, LOCAL
from tests.unit.gateway.fakes import House


async def test_before_the_first_key_one_is_the_local_admin(client: httpx.AsyncClient) -> None:
    told = (await client.get("/whoami")).json()
    may = set(told.pop("may"))
    assert told == {"tenant": "local", "subject": "local", "key": None, "roles": ["admin"]}
    assert {"GET /whoami", "POST /keys", "GET /version"} <= may


@pytest.mark.parametrize("role", GRANTABLE)
async def test_a_key_is_told_its_own_rows_of_the_table(house: House, role: Role) -> None:
    await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.ADMIN})))
    made = await house.keys.create(LOCAL, KeyOrder("acme", frozenset({role}), subject="ann"))
    async with house.client(made.secret) as client:
        told = (await client.get("/whoami")).json()
    principal = Principal("acme", "ann", frozenset({role}))
    assert told == {
        "tenant": "acme",
        "subject": "ann",
        "key": made.record.id,
        "roles": [role.value],
        "may": sorted(route for route in ROUTES if allowed(ROUTES, route, principal)),
    }


async def test_a_key_without_a_subject_is_one_of_its_own(house: House) -> None:
    made = await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.ADMIN, Role.AUDITOR})))
    async with house.client(made.secret) as client:
        told = (await client.get("/whoami")).json()
    assert (told["subject"], told["roles"]) == (f"key:{made.record.id}", ["admin", "auditor"])
    assert made.secret not in str(told)


async def test_nobody_is_told_nothing(house: House) -> None:
    await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.ADMIN})))
    async with house.client() as client:
        answer = await client.get("/whoami")
    assert answer.status_code == 401
    assert "may" not in answer.json()
