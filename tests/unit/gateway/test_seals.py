"""Seals at the door: what is shown, and who may sign."""

import httpx
import pytest

from tests.unit.gateway.fake_seals import KEY
from tests.unit.gateway.fakes import House


async def test_all_versions_are_listed_with_who_signed_them(client: httpx.AsyncClient) -> None:
    answer = await client.get("/models/tiny/seals")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["key"], shown["public_key"]) == (KEY, "-----BEGIN PUBLIC KEY-----")
    assert [(each["version"], each["key"], each["current"]) for each in shown["seals"]] == [
        (2, "", False),
        (1, KEY, True),
    ]


async def test_a_seal_comes_with_what_it_is_over(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/models/tiny/versions/1/seal")).json()
    assert (shown["bundle"], shown["statement"], shown["seal"]["sealed_by"]) == ("{}", "{}\n", "local/eve")
    assert (await client.get("/models/tiny/versions/2/seal")).json()["bundle"] == ""


async def test_signing_is_passed_on_and_recorded(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.post("/models/tiny/versions/2/seal")
    assert answer.status_code == 200, answer.text
    assert house.seals.signed == [("tiny", 2)]
    assert ("model.sign", "ok") in house.audit.seen


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/other/seals", 404),
        ("/models/NO/seals", 400),
        ("/models/tiny/versions/0/seal", 400),
        ("/models/tiny/versions/9/seal", 404),
        ("/models/tiny/versions/x/seal", 400),
    ],
)
async def test_what_is_not_there_or_cannot_be(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.get(path)).status_code == status
