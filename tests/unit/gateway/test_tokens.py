"""``POST /tokenize`` and ``POST /detokenize``."""

from typing import Any

import httpx
import pytest

from colonnade.gateway.domain.generation import Message
from colonnade.gateway.domain.limits import MAX_TOKEN_IDS
from colonnade.gateway.domain.texts import DetokenizeSpec, TokenizeSpec
from tests.unit.gateway.fakes import House, target

MODEL = {"name": "tiny", "version": 1, "digest": target().digest}


async def test_a_text_in_tokens(house: House, client: httpx.AsyncClient) -> None:
    body = {"prompt": "ab", "return_token_strs": True, "add_special_tokens": False, "model": "tiny"}
    response = await client.post("/tokenize", json=body)
    assert response.json() == {
        "tokens": [97, 98],
        "count": 2,
        "max_model_len": 2048,
        "token_strs": ["a", "b"],
        "model": MODEL,
    }
    assert response.headers["x-colonnade-model-version"] == "tiny:1"
    assert house.reader.asked[0][1] == TokenizeSpec("ab", None, False, True, "tiny")


async def test_a_conversation_in_tokens(house: House, client: httpx.AsyncClient) -> None:
    messages = [{"role": "user", "content": "a"}]
    answer = (await client.post("/tokenize", json={"messages": messages})).json()
    assert (answer["count"], answer["token_strs"]) == (1, None)
    assert house.reader.asked[0][1] == TokenizeSpec(messages=(Message("user", "a"),))


async def test_tokens_as_text(house: House, client: httpx.AsyncClient) -> None:
    answer = (await client.post("/detokenize", json={"tokens": [97, 98], "user": "ann"})).json()
    assert answer == {"prompt": "ab", "model": MODEL}
    caller, spec, _ = house.reader.asked[0]
    assert (caller.principal.subject, spec) == ("ann", DetokenizeSpec((97, 98), user="ann"))


async def test_no_tokens_and_no_text_are_fine(client: httpx.AsyncClient) -> None:
    assert (await client.post("/tokenize", json={"prompt": ""})).json()["tokens"] == []
    assert (await client.post("/detokenize", json={"tokens": []})).json()["prompt"] == ""


async def test_both_are_recorded_and_cost_no_tokens(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/tokenize", json={"prompt": "abc"})
    await client.post("/detokenize", json={"tokens": [97]})
    assert house.audit.seen == [("tokenize", "stop"), ("detokenize", "stop")]
    assert [facts["prompt_tokens"] for _, _, _, facts in house.audit.records] == [0, 0]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/tokenize", {}, 400, "prompt"),
        ("/tokenize", {"prompt": "a", "messages": [{"role": "user", "content": "a"}]}, 400, "prompt"),
        ("/tokenize", {"prompt": 7}, 400, "prompt"),
        ("/tokenize", {"prompt": "x" * (256 * 1024 + 1)}, 413, "prompt"),
        ("/tokenize", {"messages": []}, 400, "messages"),
        ("/tokenize", {"messages": [{"role": "root", "content": "a"}]}, 400, "messages[0].role"),
        (
            "/tokenize",
            {"messages": [{"role": "user", "content": "a"}], "add_special_tokens": True},
            400,
            "add_special_tokens",
        ),
        ("/tokenize", {"prompt": "a", "tools": []}, 400, "tools"),
        ("/detokenize", {}, 400, "tokens"),
        ("/detokenize", {"tokens": "a"}, 400, "tokens"),
        ("/detokenize", {"tokens": [1, -1]}, 400, "tokens[1]"),
        ("/detokenize", {"tokens": [2**31]}, 400, "tokens[0]"),
        ("/detokenize", {"tokens": [1.5]}, 400, "tokens[0]"),
        ("/detokenize", {"tokens": [1] * (MAX_TOKEN_IDS + 1)}, 400, "tokens"),
        ("/detokenize", {"tokens": [1], "model": "No Name"}, 400, "model"),
    ],
)
async def test_bad_input_is_refused_by_name(
    house: House, client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    response = await client.post(path, json=body)
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (status, field)
    assert not house.reader.asked
