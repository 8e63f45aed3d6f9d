"""``/events`` and ``/webhooks``: a page, a stream that ends in time, and acts that are recorded."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from colonnade.errors import Overloaded, Unavailable
from colonnade.gateway.domain.events import EventQuery, Told, WebhookOrder
from colonnade.gateway.http.app import build_routes
from colonnade.gateway.service.events import Events
from tests.harness.described import Described
from tests.unit.gateway.every_route import LOCAL
from tests.unit.gateway.fake_events import FakeEvents, event
from tests.unit.gateway.fakes import FakeAudit, House

STREAM = {"accept": "text/event-stream"}
LIMIT = 10.0


@pytest.fixture
def house() -> House:
    return House()


class Open:
    """A stream as its client sees it, byte by byte: httpx's transport would wait for its end."""

    def __init__(self) -> None:
        self.status = 0
        self.text = ""
        self.gone = asyncio.Event()
        self._asked = False
        self._changed = asyncio.Condition()

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with self._changed, asyncio.timeout(LIMIT):
            await self._changed.wait_for(wanted)

    async def send(self, message: Any) -> None:
        async with self._changed:
            self.status = message.get("status", self.status)
            self.text += message.get("body", b"").decode()
            self._changed.notify_all()

    async def receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}


@asynccontextmanager
async def opened(
    house: House, query: str = "", **headers: str
) -> AsyncIterator[tuple[Open, Awaitable[None]]]:
    stream = Open()
    raw = {**STREAM, "host": "127.0.0.1", **headers}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/events", "raw_path": b"/events", "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    answering: Coroutine[Any, Any, None] = house.app(scope, stream.receive, stream.send)  # type: ignore[assignment]
    running = asyncio.create_task(answering)
    try:
        await stream.until(lambda: bool(stream.text))
        yield stream, running
    finally:
        stream.gone.set()
        async with asyncio.timeout(LIMIT):
            await running


async def test_a_page(house: House) -> None:
    async with house.client() as client:
        answer = await client.get("/events?after=-5&models=tiny,%20other&kinds=alias.moved,rollout.*&limit=2")
    assert answer.status_code == 200
    assert answer.json() == {
        "events": [
            {
                "number": number, "at": "2030-01-02T00:00:00Z", "kind": "alias.moved", "tenant": "local",
                "model": "tiny", "version": 1, "alias": "production", "by": "local/local",
                "facts": {"revision": "1"},
            }
            for number in (1, 2)
        ],
        "last": 5,
        "next_after": 3,
    }  # fmt: skip
    assert house.events.asked == [EventQuery(-5, ("tiny", "other"), ("alias.moved", "rollout.*"), 2)]


@pytest.mark.parametrize(
    ("query", "field"),
    [("after=x", "after"), (f"after={2**60}", "after"), ("limit=0", "limit"), ("limit=1001", "limit"),
     ("models=" + "x" * 9000, "models"), ("kinds=%00", "kinds")],
    ids=["no-number", "far", "none", "many", "long", "control"],
)  # fmt: skip
async def test_what_makes_no_sense(house: House, query: str, field: str) -> None:
    async with house.client() as client:
        answer = await client.get(f"/events?{query}")
    assert (answer.status_code // 100, answer.json()["error"]["details"]["field"]) == (4, field)


async def test_a_stream_tells_what_happens_as_it_happens(house: House) -> None:
    async with opened(house, "after=3&kinds=alias.*") as (stream, _):
        assert (stream.status, stream.text) == (200, "id: 0\n: alive\n\n")
        house.events.queue.put_nowait(Told(event(4), 4))
        await stream.until(lambda: stream.text.count("\n\n") == 2)
        fields = dict(line.split(": ", 1) for line in stream.text.split("\n\n")[1].split("\n"))
        assert (fields["id"], fields["event"], json.loads(fields["data"])["number"]) == (
            "4",
            "alias.moved",
            4,
        )
        house.events.queue.put_nowait(Told(None, 9))
        await stream.until(lambda: stream.text.endswith("id: 9\n: alive\n\n"))
    assert house.events.asked == [EventQuery(3, (), ("alias.*",))]
    assert house.events.streams == 0, "who goes away is left"


async def test_whoever_comes_back_says_where_it_was(house: House) -> None:
    async with opened(house, "after=3", **{"last-event-id": "17"}):
        assert house.events.asked[0].after == 17
    async with house.client() as client:
        answer = await client.get("/events", headers={**STREAM, "last-event-id": "-1"})
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "last-event-id")
        await client.get("/events", headers={"last-event-id": "17"})
    assert house.events.asked[-1].after is None, "a page is no stream"


async def test_a_stream_ends_when_the_gateway_is_about_to(house: House) -> None:
    async with opened(house) as (stream, running):
        house.gateway.events.close()
        async with asyncio.timeout(LIMIT):
            await running
        assert stream.text == "id: 0\n: alive\n\n"
    assert house.events.streams == 0


async def test_a_stream_ends_in_time_and_nobody_is_left_behind() -> None:
    book, now = FakeEvents(), 0.0

    def clock() -> float:
        return now

    events = Events(book, FakeAudit(), longest_seconds=900, clock=clock)
    found: list[Told] = []
    async for told in events.follow(LOCAL, EventQuery()):
        found.append(told)
        now += 450
        assert len(found) < 9, "it does not end"
        book.queue.put_nowait(Told(event(len(found)), len(found)))
    assert [told.last for told in found] == [0, 1]
    assert book.streams == 0


async def test_refusals_come_before_the_stream_and_failures_end_it(
    house: House,
) -> None:
    house.events.error = Overloaded("64 watch events already", retry_after_seconds=30)
    async with house.client() as client:
        answer = await client.get("/events", headers=STREAM)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    house.events.error = None
    house.events.queue.put_nowait(Unavailable("the registry service is not reachable"))
    async with house.client() as client:
        answer = await client.get("/events", headers=STREAM)
    assert answer.text.startswith("id: 0\n: alive\n\nevent: error\ndata: ")
    house.events.queue.put_nowait(Told(event(1), 1))
    house.events.queue.put_nowait(None)
    async with house.client() as client:
        answer = await client.get("/events", headers=STREAM)
    told = Described(build_routes(house.gateway, house.options).openapi())
    kinds = told.answers("GET /events")["200"]["content"]["text/event-stream"]["itemSchema"]["anyOf"]
    told.check_stream(kinds, answer.text.removeprefix("id: 0\n: alive\n\n"))


async def test_webhooks_are_made_listed_deleted_and_resumed(house: House) -> None:
    body = {"url": "https://hooks.example.com/y", "models": ["tiny"], "kinds": ["alias.*"], "after": 0}
    async with house.client() as client:
        made = await client.post("/webhooks", json=body, headers={"idempotency-key": "k1"})
        assert (made.status_code, made.json()["secret"]) == (201, "whsec_c2VjcmV0")
        (listed,) = (await client.get("/webhooks")).json()["webhooks"]
        assert "secret" not in listed
        assert (listed["delivered"], listed["last"], listed["failures"]) == (3, 5, 2)
        resumed = await client.post("/webhooks/wh_1/resume")
        assert resumed.json()["state"] == "active"
        assert (await client.delete("/webhooks/wh_1")).status_code == 204
    assert house.events.orders == [
        WebhookOrder("https://hooks.example.com/y", ("tiny",), ("alias.*",), 0, "k1")
    ]
    assert house.events.acts == [("resume", "wh_1"), ("delete", "wh_1")]
    for act in ("create", "resume", "delete"):
        assert (f"webhook.{act}", "ok") in house.audit.seen
    assert "whsec" not in str(house.audit.records)


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "url"), ({"url": ""}, "url"), ({"url": "x" * 3000}, "url"),
     ({"url": "https://a", "after": "1"}, "after"), ({"url": "https://a", "after": 2**60}, "after"),
     ({"url": "https://a", "secret": "x"}, "secret")],
    ids=["nothing", "empty", "long", "text", "far", "unknown"],
)  # fmt: skip
async def test_webhooks_that_make_no_sense(house: House, body: dict[str, Any], field: str) -> None:
    async with house.client() as client:
        answer = await client.post("/webhooks", json=body)
    assert (answer.status_code // 100, answer.json()["error"]["details"]["field"]) == (4, field)
    assert house.events.orders == []
