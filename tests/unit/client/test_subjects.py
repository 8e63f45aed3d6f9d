"""``client.subjects``: what is sent, and how the answers are read."""

import json
from typing import Any

import httpx

from colonnade.client import AsyncColonnade, Colonnade

ERASURE: dict[str, Any] = {
    "id": "era_1", "state": "running", "tenant": "acme", "subject_mark": "f", "why": "", "asked_by": "admin",
    "began_at": "2030-01-02T00:00:00Z", "ended_at": None, "receipt": None, "affected": [],
    "steps": [{"service": "gateway", "round": 1, "done_at": None, "tries": 0, "reason": "", "removed": {}}],
}  # fmt: skip


def answered(request: httpx.Request) -> httpx.Response:
    SEEN.append(request)
    if request.url.path == "/erasures/key":
        return httpx.Response(200, json={"public_key": "PEM"})
    if request.url.path == "/erasures":
        token = "" if request.url.params["page_token"] else "next"
        return httpx.Response(200, json={"erasures": [ERASURE], "next_page_token": token})
    return httpx.Response(202, json=ERASURE)


SEEN: list[httpx.Request] = []


def test_somebody_is_erased_and_followed() -> None:
    SEEN.clear()
    with Colonnade("http://x", transport=httpx.MockTransport(answered)) as client:
        begun = client.subjects.erase("teams/ann", why="asked", idempotency_key="k")
        assert (begun.id, begun.steps[0].service) == ("era_1", "gateway")
        assert client.subjects.erasure("era_1") == begun
        assert client.subjects.erasures() == [begun, begun]
        assert client.subjects.receipt_key() == "PEM"
    first = SEEN[0]
    assert (first.method, first.url.raw_path) == ("DELETE", b"/subjects/teams%2Fann")
    assert (json.loads(first.content), first.headers["idempotency-key"]) == ({"why": "asked"}, "k")


async def test_the_same_without_threads() -> None:
    SEEN.clear()
    async with AsyncColonnade("http://x", transport=httpx.MockTransport(answered)) as client:
        begun = await client.subjects.erase("ann", tenant="acme")
        assert await client.subjects.erasure("era_1") == begun
        assert len(await client.subjects.erasures(limit=1)) == 1
        assert await client.subjects.receipt_key() == "PEM"
    assert json.loads(SEEN[0].content) == {"tenant": "acme"}
