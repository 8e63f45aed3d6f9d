"""``adapter`` in ``POST /generate``: which version answers, and what is said of it."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from colonnade.errors import Unavailable
from colonnade.gateway.adapters.inference import model_ref
from colonnade.gateway.domain.models import ImportOrder, Resolution
from tests.unit.gateway.fakes import DIGEST, House, events, target

POET = {"name": "poet", "version": 2, "digest": "sha256:" + "e" * 64}


async def ask(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await client.post("/generate", json={"prompt": "The sea", "adapter": "poet", **more})


async def test_its_own_model_answers_where_none_is_named(house: House, client: httpx.AsyncClient) -> None:
    answer = await ask(client)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == {"name": "tiny", "version": 1, "digest": DIGEST, "adapter": POET}
    assert house.catalog.calls == [("resolve", "poet", ""), ("version", DIGEST)]
    sent = house.generator.targets[-1]
    assert (model_ref(sent).digest, model_ref(sent).adapter) == (DIGEST, POET["digest"])


async def test_it_goes_with_the_model_it_belongs_to(house: House, client: httpx.AsyncClient) -> None:
    answer = await ask(client, model="tiny", adapter="poet:2")
    assert answer.json()["model"]["adapter"] == POET
    assert answer.headers["x-colonnade-model-version"] == "tiny:1"


async def test_of_several_versions_its_own_is_taken(house: House, client: httpx.AsyncClient) -> None:
    other = replace(target(2, 99), digest="sha256:" + "f" * 64)
    house.catalog.resolution = Resolution("tiny", "production", (replace(target(), weight=1), other))
    for _ in range(9):
        assert (await ask(client, model="tiny")).json()["model"]["version"] == 1


async def test_another_models_is_refused_by_name(house: House, client: httpx.AsyncClient) -> None:
    other = replace(target(), digest="sha256:" + "f" * 64)
    house.catalog.resolution = Resolution("tiny", "production", (other,))
    for asked in ({"model": "tiny"}, {"model_size": "1M"}):
        answer = await ask(client, **asked)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "adapter")
    assert house.generator.targets == []


async def test_named_as_the_model_it_stands_for_both(house: House, client: httpx.AsyncClient) -> None:
    answer = await ask(client, adapter=None, model="poet:2")
    assert answer.status_code == 200, answer.text
    assert [(each.label, each.adapter) for each in house.generator.targets] == [
        ("tiny:1", house.catalog.poet)
    ]


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"adapter": "tiny"}, 400, "adapter"),
        ({"adapter": "nobody"}, 404, "adapter"),
        ({"adapter": "a b"}, 400, "adapter"),
        ({"adapter": 7}, 400, "adapter"),
        ({"adapter": "poet", "model": "poet"}, 400, "adapter"),
    ],
    ids=["model", "unknown", "name", "type", "twice"],
)
async def test_what_is_no_adapter_is_refused_by_name(
    client: httpx.AsyncClient, asked: dict[str, Any], status: int, field: str
) -> None:
    answer = await ask(client, **asked)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (status, field)


async def test_without_one_nothing_is_said_of_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"prompt": "x"})
    assert answer.json()["model"] == {"name": "tiny", "version": 1, "digest": DIGEST}


async def test_a_stream_names_it_at_its_end(client: httpx.AsyncClient) -> None:
    answer = await ask(client, stream=True)
    last = json.loads(events(answer.text)[-2][1])
    assert last["model"]["adapter"] == POET


async def test_the_last_known_one_serves_while_the_registry_is_away(
    house: House, client: httpx.AsyncClient
) -> None:
    assert (await ask(client)).status_code == 200
    house.catalog.error = Unavailable("away")
    answer = await ask(client)
    assert answer.json()["model"]["adapter"] == POET
    assert answer.headers["x-colonnade-degraded"] == "registry"


async def test_the_record_names_it(house: House, client: httpx.AsyncClient) -> None:
    await ask(client)
    assert house.audit.records[-1][3]["adapter"] == POET["digest"]


async def test_an_import_names_its_base(house: House, client: httpx.AsyncClient) -> None:
    body = {"source": "/adapters/poet", "name": "poet", "base": "tiny:1"}
    assert (await client.post("/models/import", json=body)).status_code == 201
    assert house.catalog.calls == [("import", ImportOrder("/adapters/poet", "poet", base="tiny:1"))]
    wrong = await client.post("/models/import", json=body | {"base": "a b"})
    assert (wrong.status_code, wrong.json()["error"]["details"]["field"]) == (400, "base")
