"""``/registry``: whole or as events, by few, and recorded."""

import json
from typing import Any

import httpx
import pytest

from colonnade.errors import Conflict
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.security.identity import Role
from tests.unit.gateway.every_route import LOCAL
from tests.unit.gateway.fakes import House

STREAM = {"accept": "text/event-stream"}


async def post(
    client: httpx.AsyncClient, path: str, body: object = None, headers: dict[str, str] | None = None
) -> Any:
    return await client.post(path, json=body, headers=headers)


async def test_the_whole_answer_is_the_last_step(house: House, client: httpx.AsyncClient) -> None:
    collected = await post(client, "/registry/gc", {"dry_run": True})
    assert (collected.status_code, collected.json()["removed"]) == (200, 2)
    backed_up = await post(client, "/registry/backup", {"to": "nightly", "keep": 7})
    assert backed_up.json()["name"] == "20300102T030405.000000Z"
    assert house.upkeep.asked == [("collect", True), ("back_up", "nightly", 7)]


@pytest.mark.parametrize("path", ["/registry/gc", "/registry/backup"])
async def test_no_body_is_the_ordinary_thing(house: House, client: httpx.AsyncClient, path: str) -> None:
    assert (await post(client, path)).status_code == 200
    assert house.upkeep.asked in ([("collect", False)], [("back_up", "", 0)])


@pytest.mark.parametrize("path", ["/registry/gc", "/registry/backup"])
async def test_steps_as_events(house: House, client: httpx.AsyncClient, path: str) -> None:
    answer = await post(client, path, headers=STREAM)
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert events.pop() == "[DONE]"
    assert len([json.loads(event) for event in events]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [({"keep": -1}, "keep"), ({"keep": 10_001}, "keep"), ({"to": "a\nb"}, "to"), ({"to": "a" * 1025}, "to")],
)
async def test_bad_input_names_its_field(
    house: House, client: httpx.AsyncClient, body: object, field: str
) -> None:
    answer = await post(client, "/registry/backup", body)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["details"]["field"] == field
    assert house.upkeep.asked == []


async def test_what_the_registry_refuses_is_refused_and_recorded(
    house: House, client: httpx.AsyncClient
) -> None:
    house.upkeep.failure = Conflict("a collection or a backup is under way already")
    assert (await post(client, "/registry/gc")).status_code == 409
    answer = await post(client, "/registry/backup", headers=STREAM)
    assert "event: error" in answer.text
    assert house.audit.seen == [
        ("registry.collect", "begun"), ("registry.collect", "refused"),
        ("registry.backup", "begun"), ("registry.backup", "refused"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/registry/gc", "/registry/backup"])
async def test_admins_of_other_tenants_look_after_their_own(house: House, path: str) -> None:
    await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.ADMIN})))
    other = await house.keys.create(LOCAL, KeyOrder("acme", frozenset({Role.ADMIN, Role.OPERATOR})))
    async with house.client(other.secret) as client:
        answer = await post(client, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert not house.upkeep.asked
