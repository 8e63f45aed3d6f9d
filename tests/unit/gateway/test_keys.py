"""API keys through HTTP: the first closes the gateway; made, listed, rotated, revoked, and recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from colonnade.errors import Unavailable
from colonnade.security import keys as secrets
from tests.unit.gateway.fakes import House


async def make(client: httpx.AsyncClient, key: str = "", **fields: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    response = await client.post("/keys", json=fields, headers=headers)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def status(client: httpx.AsyncClient, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return (await client.get("/models", headers=headers)).status_code


async def test_the_first_key_closes_the_gateway(house: House, client: httpx.AsyncClient) -> None:
    assert await status(client, "") == 200
    admin = await make(client, roles=["admin"], name="me")
    assert admin["secret"].startswith(f"ck_{admin['id']}_")
    assert await status(client, "") == 401
    assert await status(client, admin["secret"]) == 200
    assert ("key.create", "begun") in house.audit.seen
    assert ("key.create", "ok") in house.audit.seen
    assert admin["secret"] not in repr(house.audit.records)
    stored = await house.store.find(admin["id"])
    assert stored is not None
    assert secrets.parse(admin["secret"]).secret not in repr(stored)


@pytest.mark.parametrize("fields", [{"roles": ["caller"]}, {"roles": ["admin"], "tenant": "acme"}])
async def test_the_first_key_must_be_able_to_make_others(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    assert (await client.post("/keys", json=fields)).status_code == 400
    assert await status(client, "") == 200


async def test_wrong_keys_are_all_refused_alike(client: httpx.AsyncClient) -> None:
    admin = (await make(client, roles=["admin"]))["secret"]
    revoked = await make(client, admin, roles=["caller"])
    headers = {"authorization": f"Bearer {admin}"}
    assert (await client.delete(f"/keys/{revoked['id']}", headers=headers)).status_code == 204
    unknown = str(secrets.generate())
    forged = f"ck_{revoked['id']}_{secrets.parse(unknown).secret}"
    messages = set()
    for key in (revoked["secret"], unknown, forged):
        response = await client.get("/models", headers={"authorization": f"Bearer {key}"})
        assert response.status_code == 401
        messages.add(response.json()["error"]["message"])
    assert len(messages) == 1


@pytest.mark.parametrize(
    "value", ["Basic eDp5", "Bearer", "Bearer ck_x", "ck_a_b", "Bearer a b", "Bearer \x7f"]
)
async def test_malformed_authorization(client: httpx.AsyncClient, value: str) -> None:
    """Also on an open gateway: who sends a key of the platform means it."""
    response = await client.get("/models", headers={"authorization": value})
    assert response.status_code == 401
    assert value.removeprefix("Bearer ") not in response.json()["error"]["message"].replace("Bearer ck_", "")


async def test_an_open_gateway_does_not_look_at_what_is_none_of_its_keys(house: House) -> None:
    headers = {"authorization": "Bearer sk-none"}
    async with house.client() as client:
        assert (await client.get("/models", headers=headers)).status_code == 200
        await client.post("/keys", json={"roles": ["admin"], "name": "first"})
        assert (await client.get("/models", headers=headers)).status_code == 401


async def test_two_authorization_headers(client: httpx.AsyncClient) -> None:
    key = str(secrets.generate())
    twice = [("authorization", f"Bearer {key}")] * 2
    assert (await client.get("/models", headers=twice)).status_code == 401


async def test_expiry() -> None:
    house = House()
    now = datetime(2030, 1, 1, tzinfo=UTC)
    house.keys._now = house.doorkeeper._now = lambda: now
    async with house.client() as client:
        admin = (await make(client, roles=["admin"]))["secret"]
        short = await make(client, admin, roles=["caller"], expires_at="2030-01-02T01:00:00+01:00")
        assert short["expires_at"] == "2030-01-02T00:00:00Z"
        assert await status(client, short["secret"]) == 200
        now += timedelta(days=1)
        assert await status(client, short["secret"]) == 401


async def test_listing_shows_no_secrets_and_last_use(house: House, client: httpx.AsyncClient) -> None:
    admin = await make(client, roles=["admin"])
    await make(client, admin["secret"], roles=["caller", "auditor"], name="reader", subject="alice")
    await house.doorkeeper.flush()
    response = await client.get("/keys", headers={"authorization": f"Bearer {admin['secret']}"})
    reader, first = response.json()["keys"]
    assert (reader["name"], reader["subject"], reader["roles"]) == ("reader", "alice", ["auditor", "caller"])
    assert first["id"] == admin["id"]
    assert first["last_used_at"] is not None
    assert reader["last_used_at"] is None
    assert "secret" not in response.text
    assert "hash" not in response.text


async def test_admins_of_a_tenant_see_only_their_own(client: httpx.AsyncClient) -> None:
    home = await make(client, roles=["admin"])
    acme = await make(client, home["secret"], roles=["admin"], tenant="acme")
    headers = {"authorization": f"Bearer {acme['secret']}"}
    own = await make(client, acme["secret"], roles=["caller"])
    assert own["tenant"] == "acme"
    listed = (await client.get("/keys", headers=headers)).json()["keys"]
    assert {key["id"] for key in listed} == {acme["id"], own["id"]}
    assert (await client.delete(f"/keys/{home['id']}", headers=headers)).status_code == 404
    assert (await client.post(f"/keys/{home['id']}/rotate", headers=headers)).status_code == 404
    foreign = await client.post("/keys", json={"roles": ["admin"], "tenant": "local"}, headers=headers)
    assert foreign.status_code == 403


async def test_rotation(client: httpx.AsyncClient) -> None:
    admin = await make(client, roles=["admin"])
    headers = {"authorization": f"Bearer {admin['secret']}"}
    old = await make(client, admin["secret"], roles=["caller"], subject="bob", tenant="acme")
    new = (await client.post(f"/keys/{old['id']}/rotate", headers=headers)).json()
    assert (new["tenant"], new["subject"], new["roles"]) == ("acme", "bob", ["caller"])
    assert new["replaces"] == old["id"]
    assert await status(client, old["secret"]) == 401
    assert await status(client, new["secret"]) == 200
    again = await client.post(f"/keys/{old['id']}/rotate", headers=headers)
    assert again.status_code == 409
    third = await client.post(f"/keys/{new['id']}/rotate", json={"grace_seconds": 60}, headers=headers)
    assert third.status_code == 201
    assert await status(client, new["secret"]) == 200


async def test_the_last_admin_key_stays(client: httpx.AsyncClient) -> None:
    admin = await make(client, roles=["admin"])
    headers = {"authorization": f"Bearer {admin['secret']}"}
    assert (await client.delete(f"/keys/{admin['id']}", headers=headers)).status_code == 409
    other = await make(client, admin["secret"], roles=["admin"])
    assert (await client.delete(f"/keys/{other['id']}", headers=headers)).status_code == 204
    assert (await client.delete(f"/keys/{other['id']}", headers=headers)).status_code == 204
    rotated = await client.post(f"/keys/{admin['id']}/rotate", headers=headers)
    assert rotated.status_code == 201


async def test_what_cannot_be_recorded_is_not_done(house: House, client: httpx.AsyncClient) -> None:
    house.audit.error = Unavailable("the audit log cannot be written")
    response = await client.post("/keys", json={"roles": ["admin"]})
    assert response.status_code == 503
    assert not await house.store.ever()
    assert (await client.post("/models/import", json={"source": "x", "name": "tiny"})).status_code == 503
    assert not house.catalog.calls
    assert (await client.post("/generate", json={"prompt": "x"})).status_code == 200


async def test_idempotency(house: House, client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "one"}
    first = await client.post("/keys", json={"roles": ["admin"]}, headers=headers)
    headers["authorization"] = f"Bearer {first.json()['secret']}"
    again = await client.post("/keys", json={"roles": ["admin"]}, headers=headers)
    assert again.json() == first.json()
    assert len(await house.store.records(None)) == 1
    different = await client.post("/keys", json={"roles": ["caller"]}, headers=headers)
    assert different.status_code == 409
    house.keys._once._done.clear()  # as after a restart
    late = await client.post("/keys", json={"roles": ["admin"]}, headers=headers)
    assert late.status_code == 409
    assert late.json()["error"]["details"]["id"] == first.json()["id"]


async def test_a_failed_attempt_is_not_remembered(house: House, client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "one"}
    house.audit.error = Unavailable("away")
    assert (await client.post("/keys", json={"roles": ["admin"]}, headers=headers)).status_code == 503
    house.audit.error = None
    assert (await client.post("/keys", json={"roles": ["admin"]}, headers=headers)).status_code == 201


async def test_a_key_with_a_subject_speaks_for_nobody_else(house: House, client: httpx.AsyncClient) -> None:
    admin = (await make(client, roles=["admin"]))["secret"]
    pinned = (await make(client, admin, roles=["caller"], subject="alice"))["secret"]
    headers = {"authorization": f"Bearer {pinned}"}
    for user, expected in (("alice", 200), (None, 200), ("bob", 403)):
        response = await client.post("/generate", json={"prompt": "x", "user": user}, headers=headers)
        assert response.status_code == expected
    assert {caller.principal.subject for caller in house.generator.callers} == {"alice"}


async def test_the_bootstrap_key_is_an_admin_and_closes_the_gateway() -> None:
    bootstrap = str(secrets.generate())
    async with House(bootstrap).client() as client:
        assert await status(client, "") == 401
        assert await status(client, bootstrap) == 200
        made = await make(client, bootstrap, roles=["caller"], tenant="acme")
        assert made["created_by"] == "local/bootstrap"
        assert await status(client, str(secrets.generate())) == 401


async def test_revocation_by_another_process_is_noticed_soon() -> None:
    house = House()
    clock = 1000.0
    house.doorkeeper._clock = lambda: clock
    async with house.client() as client:
        admin = await make(client, roles=["admin"])
        key = await make(client, admin["secret"], roles=["caller"])
        assert await status(client, key["secret"]) == 200
        await house.store.revoke(key["id"], datetime.now(UTC))
        assert await status(client, key["secret"]) == 200
        clock += 6
        assert await status(client, key["secret"]) == 401
