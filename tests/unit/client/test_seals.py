"""Seals: what both clients send, and what they make of the answer."""

from colonnade.client import Seal, SealDetail
from tests.unit.client.platform import Caller, answer, got

SEAL = {"version": 1, "key": "ab", "current": True, "sealed_by": "local/eve", "newer": 1}


async def test_they_are_listed_and_shown(caller: Caller) -> None:
    unsigned = {"version": 2, "key": "", "current": False, "sealed_at": None, "sealed_by": ""}
    caller.answers = [
        answer({"seals": [unsigned, SEAL], "key": "ab", "public_key": "PEM"}),
        answer({"seal": SEAL, "bundle": "{}", "statement": "{}"}),
    ]
    client = caller.client()
    listed = await got(client.seals.list("tiny"))
    assert (listed.seals, listed.key, listed.public_key) == (
        (Seal(2), Seal(1, "ab", True, None, "local/eve")), "ab", "PEM",
    )  # fmt: skip
    assert await got(client.seals.get("tiny", 1)) == SealDetail(listed.seals[1], "{}", "{}")
    assert [request.url.path for request in caller.requests] == [
        "/models/tiny/seals",
        "/models/tiny/versions/1/seal",
    ]


async def test_a_version_is_signed(caller: Caller) -> None:
    caller.answers = [answer(SEAL)]
    assert (await got(caller.client().seals.sign("tiny", 1))).current
    (request,) = caller.requests
    assert (request.method, request.url.path) == ("POST", "/models/tiny/versions/1/seal")
