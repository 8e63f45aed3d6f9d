"""The short way gives the answers that the framework gives."""

import json
from typing import Any

import httpx
import pytest

from colonnade.gateway.http.app import build_routes
from colonnade.gateway.http.entry import Entry
from colonnade.gateway.http.route import HotRoute
from colonnade.gateway.http.shortcut import Shortcut
from tests.unit.gateway.fakes import BASE, House

PROMPT, MESSAGES = {"prompt": "x"}, {"messages": [{"role": "user", "content": "x"}]}
MODEL = {"model": "tiny"}
PATHS = ("/generate", "/v1/chat/completions", "/v1/completions", "/v1/embeddings")
BODIES = {
    "a prompt": PROMPT,
    "a model and a prompt": MODEL | PROMPT,
    "a conversation": MODEL | MESSAGES,
    "an input": MODEL | {"input": ["x", "y"]},
    "a stream": MODEL | PROMPT | {"stream": True},
    "a streamed conversation": MODEL | MESSAGES | {"stream": True},
    "nothing": {},
    "many faults": {"prompt": 7, "messages": "x", "temperature": "hot", "max_tokens": 1.5, "surprise": 1},
    "a fault inside": {"messages": [{"role": "user", "content": "x"}, {"role": "user"}]},
    "out of range": MODEL | MESSAGES | {"temperature": 9},
    "no such model": {"model": "nobody"} | MESSAGES,
    "what is lacking": MODEL | MESSAGES | {"audio": {"voice": "x"}},
}


async def _said(app: Any, path: str, **more: Any) -> tuple[int, dict[str, str], str]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        reply = await client.post(path, headers={"x-request-id": "same"} | more.pop("headers", {}), **more)
    text = reply.text
    if reply.headers["content-type"] == "application/json":
        body = reply.json()
        body.pop("timings", None)
        body.pop("created", None)
        text = json.dumps(body)
    headers = {name: value for name, value in reply.headers.items() if name != "content-length"}
    return reply.status_code, headers, text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", BODIES)
async def test_both_ways_say_the_same(house: House, path: str, name: str) -> None:
    framework, short = _both(house)
    ours, theirs = (
        await _said(short, path, json=BODIES[name]),
        await _said(framework, path, json=BODIES[name]),
    )
    assert ours[:2] == theirs[:2]
    if not ours[1]["content-type"].startswith("text/event-stream"):  # its events tell times
        assert ours[2] == theirs[2]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {"content-type": "application/json"}),
        (b"{", {"content-type": "application/json"}),
        (b"[]", {"content-type": "application/json"}),
        (b'{"prompt": "x"}', {"content-type": "text/plain"}),
        (b'{"prompt": "x"}', {"content-type": "application/json", "content-encoding": "gzip"}),
        (b'{"prompt": "x"}', {"content-type": "application/json", "authorization": "Bearer ck_nonsense"}),
    ],
    ids=["empty", "broken", "a list", "text", "compressed", "a wrong key"],
)
async def test_both_ways_refuse_alike(house: House, content: bytes, headers: dict[str, str]) -> None:
    framework, short = _both(house)
    ours = await _said(short, "/generate", content=content, headers=headers)
    assert ours == await _said(framework, "/generate", content=content, headers=headers)
    assert ours[0] >= 400


def test_the_routes_that_have_a_short_way_are_on_the_page(house: House) -> None:
    app = build_routes(house.gateway, house.options)
    hot = {route.path for route in app.routes if isinstance(route, HotRoute)}
    assert hot == set(PATHS)
    assert hot <= app.openapi()["paths"].keys()


async def test_other_methods_are_told_which_there_are(house: House) -> None:
    async with house.client() as client:
        reply = await client.get("/generate")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def _both(house: House) -> tuple[Entry, Entry]:
    routes = build_routes(house.gateway, house.options)
    return Entry(routes, 60), Entry(Shortcut(routes), 60)
