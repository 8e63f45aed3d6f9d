"""``/subjects`` and ``/erasures``."""

from dataclasses import replace

import httpx

from colonnade.gateway.domain.erasures import NewErasure
from tests.unit.gateway.fake_erasures import MOMENT, RUNNING
from tests.unit.gateway.fakes import House

AT = "2030-01-02T00:00:00Z"
SHOWN = {
    "id": "era_1", "state": "running", "tenant": "acme", "subject_mark": "f" * 64, "why": "they asked",
    "asked_by": "admin", "began_at": AT, "ended_at": None, "receipt": None,
    "steps": [
        {"service": "gateway", "round": 1, "done_at": AT, "tries": 1, "reason": "", "removed": {"usage": 2}},
        {"service": "memory", "round": 1, "done_at": None, "tries": 3, "reason": "away", "removed": {}},
    ],
    "affected": [{"model": "tiny", "version": "1", "why": "trained by job_1"}],
}  # fmt: skip


async def test_somebody_is_erased(house: House, client: httpx.AsyncClient) -> None:
    begun = await client.request(
        "DELETE", "/subjects/teams%2Fann%40acme.example",
        json={"why": "they asked", "tenant": "acme"}, headers={"idempotency-key": "k"},
    )  # fmt: skip
    assert (begun.status_code, begun.json()) == (202, SHOWN)
    plain = await client.delete("/subjects/ann")
    assert plain.status_code == 202
    assert house.erasures.asked == [
        ("local", NewErasure("teams/ann@acme.example", "they asked", "acme", "k")),
        ("local", NewErasure("ann")),
    ]


async def test_what_is_no_subject_is_refused(house: House, client: httpx.AsyncClient) -> None:
    refused = await client.delete("/subjects/%20ann")
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, "id")
    assert house.erasures.asked == []


async def test_how_far_it_is_and_its_receipt(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/erasures/era_1")).json() == SHOWN
    house.erasures.erasure = replace(RUNNING, ended_at=MOMENT, receipt='{"payload": "x"}')
    done = (await client.get("/erasures", params={"page_size": 7, "page_token": "t"})).json()
    (told,) = done["erasures"]
    assert (told["state"], told["receipt"], done["next_page_token"]) == ("done", {"payload": "x"}, "next")
    assert house.erasures.asked == [("local", "era_1"), ("local", 7, "t")]
    assert (await client.get("/erasures/key")).json() == {"public_key": "PEM"}
