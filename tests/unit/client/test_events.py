"""Events and webhooks: what both clients send, and how they come back to a stream that broke."""

import json
from typing import Any

import httpx
import pytest

from colonnade.client import Event, EventPage, NewWebhook, Webhook
from colonnade.errors import InvalidArgument, PermissionDenied
from tests.unit.client.platform import Caller, answer, closed, event_text, got, refused

AT = "2030-01-02T03:04:05Z"


def event(number: int, kind: str = "alias.moved") -> dict[str, Any]:
    return {"number": number, "at": AT, "kind": kind, "model": "tiny", "facts": {"revision": "1"}, "newer": 1}


def page(*numbers: int, last: int = 9) -> httpx.Response:
    body = {
        "events": [event(number) for number in numbers],
        "last": last,
        "next_after": max(numbers, default=last),
    }
    return answer(body)


def streamed(*numbers: int, end: str = "") -> httpx.Response:
    blocks = [
        f"id: {number}\nevent: alias.moved\ndata: {json.dumps(event(number))}\n\n" for number in numbers
    ]
    return event_text("id: 0\n: alive\n\n" + "".join(blocks) + end)


ENDS = 'event: error\ndata: {"error": {"code": "unavailable", "message": "the registry is away"}}\n\n'


async def taken(stream: Any, count: int) -> list[int]:
    """The numbers of its first events; then it is left."""
    found: list[int] = []
    if hasattr(stream, "__anext__"):
        while len(found) < count:
            found.append((await anext(stream)).number)
    else:
        while len(found) < count:
            found.append(next(stream).number)
    await closed(stream)
    return found


async def test_a_page(caller: Caller) -> None:
    caller.answers = [page(3, 4), page(last=4)]
    client = caller.client()
    found = await got(client.events.list(after=-2, models=["tiny", "x"], kinds=["alias.*"], limit=2))
    assert isinstance(found, EventPage)
    assert isinstance(found.events[0], Event)
    assert (found.events[0].number, found.events[0].facts, found.next_after) == (3, {"revision": "1"}, 4)
    assert dict(caller.requests[0].url.params) == {
        "after": "-2", "models": "tiny,x", "kinds": "alias.*", "limit": "2",
    }  # fmt: skip
    assert (await got(client.events.list())).events == ()
    assert str(caller.requests[1].url).endswith("/events")


async def test_a_stream_comes_back_to_where_it_was(caller: Caller) -> None:
    caller.answers = [
        page(1, last=7), streamed(8, 9, end=ENDS), refused(503, "unavailable"), refused(503, "unavailable"),
        httpx.ConnectError("gone"), streamed(10), streamed(11, 12),
    ]  # fmt: skip
    client = caller.client(max_retries=0)
    assert await taken(client.events.watch(models=["tiny"]), 5) == [8, 9, 10, 11, 12]
    asked = [request for request in caller.requests if "text/event-stream" in request.headers["accept"]]
    assert [request.url.params["after"] for request in asked] == ["7", "9", "9", "9", "9", "10"]
    assert all(request.url.params["models"] == "tiny" for request in asked)
    assert caller.slept == [0.2, 0.4, 0.8, 1.6, 0.2]


@pytest.mark.parametrize(("after", "begins"), [(3, 3), (0, 0), (-2, 5), (-99, 0), (None, 7)])
async def test_where_it_begins(caller: Caller, after: int | None, begins: int) -> None:
    caller.answers = [page(1, last=7), streamed(8)]
    assert await taken(caller.client().events.watch(after=after), 1) == [8]
    assert caller.requests[1].url.params["after"] == str(begins)


async def test_what_coming_back_does_not_help_is_raised(caller: Caller) -> None:
    caller.answers = [page(1), refused(400, "invalid_argument")]
    with pytest.raises(InvalidArgument):
        await taken(caller.client().events.watch(kinds=["nonsense"]), 1)
    caller.answers = [refused(403, "permission_denied")]
    with pytest.raises(PermissionDenied):
        await taken(caller.client().events.watch(), 1)


async def test_webhooks(caller: Caller) -> None:
    kept = {"id": "wh_1", "url": "https://a", "state": "active", "delivered": 3, "last": 5, "failures": 0}
    caller.answers = [
        answer(kept | {"secret": "whsec_x"}, 201), answer({"webhooks": [kept]}), answer(kept),
        httpx.Response(204),
    ]  # fmt: skip
    client = caller.client()
    made = await got(client.webhooks.create("https://a", kinds=["alias.*"], after=0))
    assert isinstance(made, NewWebhook)
    assert made.secret == "whsec_x"
    assert "whsec" not in repr(made)
    assert caller.bodies == [{"url": "https://a", "models": [], "kinds": ["alias.*"], "after": 0}]
    assert caller.requests[0].headers["idempotency-key"]
    (listed,) = await got(client.webhooks.list())
    assert isinstance(listed, Webhook)
    assert await got(client.webhooks.resume("wh_1")) == listed
    await got(client.webhooks.delete("wh_1"))
    assert [(each.method, each.url.path) for each in caller.requests[2:]] == [
        ("POST", "/webhooks/wh_1/resume"), ("DELETE", "/webhooks/wh_1"),
    ]  # fmt: skip
