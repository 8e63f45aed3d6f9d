"""``/v1/embeddings`` and ``/v1/models``."""

import base64
import json
import struct
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from colonnade.errors import NotFound
from colonnade.gateway.domain.models import Alias, AliasTarget, Model
from colonnade.gateway.http.openai.models import names_of
from tests.unit.gateway.fakes import House

PATH = "/v1/embeddings"


async def test_vectors(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, json={"model": "tiny", "input": ["ab", "c"], "dimensions": 2})
    assert reply.status_code == 200, reply.text
    assert reply.json() == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.6, 0.8]},
            {"object": "embedding", "index": 1, "embedding": [0.6, 0.8]},
        ],
        "model": "tiny:1",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


async def test_vectors_as_base64(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, json={"model": "tiny", "input": "ab", "encoding_format": "base64"})
    packed = base64.b64decode(reply.json()["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == pytest.approx((0.6, 0.8))


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1]]}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": ["x", 1]}, "input"),
        ({"dimensions": 3}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"model": None}, "model"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
async def test_a_refusal_names_the_field(
    client: httpx.AsyncClient, change: dict[str, Any], param: str
) -> None:
    reply = await client.post(PATH, json={"model": "tiny", "input": "x"} | change)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


async def test_models(house: House, client: httpx.AsyncClient) -> None:
    shown = {"id": "tiny", "object": "model", "created": 0, "owned_by": "colonnade"}
    answer = (await client.get("/v1/models")).json()
    assert answer == {"object": "list", "data": [shown, shown]}, "both pages"
    for name in ("tiny", "tiny@production", "tiny:1"):
        assert (await client.get(f"/v1/models/{name}")).json() == shown | {"id": name}


async def test_a_model_that_is_not_there(house: House, client: httpx.AsyncClient) -> None:
    house.catalog.error = NotFound("there is no model x", field="model")
    reply = await client.get("/v1/models/x")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
    assert (await client.get("/v1/models/A B")).json()["error"]["param"] == "model"


def test_a_name_alone_means_production() -> None:
    aliases = tuple(Alias(name, (AliasTarget(1, 100),), 1) for name in ("staging", "production", "a"))
    model = Model("tiny", "", "1M", 1, aliases, datetime(2026, 1, 1, tzinfo=UTC))
    assert names_of(model) == ["tiny@a", "tiny", "tiny@staging"]
    assert names_of(Model("tiny", "", "1M", 1, ())) == []
