"""``POST /models/{name}/prepare``."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from colonnade.api.engine.v1.engine_pb2 import LoadedModel
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.errors import Unavailable
from colonnade.gateway.adapters.engines import InferenceEngines
from colonnade.gateway.domain.engines import Loaded
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.models import Resolution, Target
from colonnade.gateway.service.preparing import Preparing
from colonnade.security.identity import Principal
from tests.unit.gateway.fakes import DIGEST, House, events, target

PATH = "/models/tiny/prepare"
STREAM = {"accept": "text/event-stream"}
CALLER = Caller(Principal.service("gateway"), "r")


async def test_it_answers_when_a_version_is_there(house: House, client: httpx.AsyncClient) -> None:
    answer = await client.post("/models/tiny@production/prepare")
    [version] = answer.json()["versions"]
    assert answer.status_code == 200
    assert version.pop("seconds") >= 0
    assert version == {"name": "tiny", "version": 1, "digest": DIGEST, "state": "ready", "memory_bytes": 4000}
    assert house.catalog.calls == [("resolve", "tiny@production", "")]
    assert ("model.prepare", "ok") in house.audit.seen


async def test_every_version_behind_an_alias_is_loaded(house: House, client: httpx.AsyncClient) -> None:
    house.catalog.resolution = Resolution("tiny", "production", (target(1, 90), target(2, 10)))
    answer = await client.post(PATH)
    assert [each["version"] for each in answer.json()["versions"]] == [1, 2]
    assert [each.version for each in house.engines.prepared] == [1, 2]


async def test_it_is_said_that_it_goes_on(house: House) -> None:
    gate = house.engines.gate = asyncio.Event()
    preparing = Preparing(house.engines, house.catalog, house.audit, beat_seconds=0.001)
    steps = preparing.prepare(CALLER, "tiny")
    assert (await anext(steps)).loaded is None
    assert (await anext(steps)).loaded is None
    gate.set()
    *_, last = [step async for step in steps]
    assert last.loaded == Loaded(4000)


async def test_events(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, headers=STREAM)
    *steps, done = [data for _, data in events(answer.text)]
    assert done == "[DONE]"
    assert json.loads(steps[-1])["state"] == "ready"


async def test_who_leaves_has_it_stop(house: House) -> None:
    house.engines.gate = asyncio.Event()
    preparing = Preparing(house.engines, house.catalog, house.audit, beat_seconds=0.001)
    steps = preparing.prepare(CALLER, "tiny")
    await anext(steps)
    await steps.aclose()
    assert house.engines.left == 1
    assert ("model.prepare", "ok") not in house.audit.seen


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["whole", "events"])
async def test_refusals_have_their_status(
    house: House, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    house.engines.error = Unavailable("no engine has room for tiny:1")
    answer = await client.post(PATH, headers=headers)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "no engine has room for tiny:1")
    assert (await client.post("/models/nobody/prepare", headers=headers)).status_code == 404
    assert (await client.post("/models/a%20b/prepare", headers=headers)).status_code == 400


@pytest.mark.parametrize(
    ("asked", "digest"), [(target(), DIGEST), (Target("poet", 2, "sha256:e", 100, base=DIGEST), DIGEST)]
)
async def test_what_the_inference_service_is_asked(asked: Target, digest: str) -> None:
    seen: list[Any] = []

    class Calls:
        peer: Any = type("Peer", (), {"channel": type("Channel", (), {"__getattr__": lambda *_: _stub})()})

        async def unary(self, caller: Caller, method: Any, request: Any, kind: type) -> Any:
            seen.append(request)
            return wire.PrepareResponse(loaded=LoadedModel(memory_bytes=7))

    calls: Any = Calls()
    assert await InferenceEngines(calls).prepare(CALLER, asked) == Loaded(7)
    assert seen[0].model.digest == digest


def _stub(*_: Any, **__: Any) -> None:
    """A method of a channel."""
