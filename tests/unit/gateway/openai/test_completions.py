"""``POST /v1/completions``: one prompt or several, as text or as token ids."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from colonnade.errors import Unavailable
from colonnade.gateway.adapters.inference import generation_of
from colonnade.gateway.domain.generation import Chunk, Rival, Sampling, Token
from tests.unit.gateway.fakes import DIGEST, House, events, finish, target

PATH = "/v1/completions"


async def test_a_whole_answer(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, json={"model": "tiny", "prompt": "x"}, headers={"x-request-id": "r1"})
    answer = reply.json()
    assert reply.status_code == 200, answer
    assert answer.pop("created") > 1_700_000_000
    assert answer.pop("usage")["total_tokens"] == 5
    assert answer == {
        "id": "cmpl-r1",
        "object": "text_completion",
        "model": "tiny:1",
        "system_fingerprint": f"fp_{DIGEST[7:19]}",
        "choices": [{"text": "Paris", "index": 0, "logprobs": None, "finish_reason": "length"}],
    }


async def test_a_stream(client: httpx.AsyncClient) -> None:
    asked = {"model": "tiny", "prompt": "x", "stream": True, "stream_options": {"include_usage": True}}
    reply = await client.post(PATH, json=asked)
    *shown, done = [data for _, data in events(reply.text)]
    assert done == "[DONE]"
    *chunks, last = map(json.loads, shown)
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["Pa", "ris", ""]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "length"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 5)
    assert {chunk["object"] for chunk in [*chunks, last]} == {"text_completion"}


async def test_defaults_go_down(house: House, client: httpx.AsyncClient) -> None:
    await client.post(PATH, json={"model": "tiny", "prompt": "x"})
    (spec,) = house.generator.specs
    assert (spec.prompt, spec.max_tokens) == ("x", 16)
    assert spec.sampling == Sampling(temperature=1.0, top_k=0, top_p=1.0)


async def test_logprobs(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks = [
        Chunk("ab", (Token(1, "ab", -0.5, (Rival(1, "ab", -0.5), Rival(2, "x", -2.0))),)),
        Chunk("c", (Token(3, "c", None),), finish("stop")),
    ]
    asked = {"model": "tiny", "prompt": "x", "logprobs": 2}
    expected = {
        "tokens": ["ab", "c"],
        "token_logprobs": [-0.5, -9999.0],
        "top_logprobs": [{"x": -2.0, "ab": -0.5}, {}],
        "text_offset": [0, 2],
    }
    assert (await client.post(PATH, json=asked)).json()["choices"][0]["logprobs"] == expected
    reply = await client.post(PATH, json=asked | {"stream": True})
    parts = [json.loads(data)["choices"][0]["logprobs"] for _, data in events(reply.text)[:-1]]
    assert {name: [*parts[0][name], *parts[1][name]] for name in expected} == expected


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [([1, 2], [(1, 2)]), ([[1], [2, 3]], [(1,), (2, 3)]), (["a", "b"], ["a", "b"]), (["a"], ["a"])],
    ids=["ids", "lists of ids", "texts", "one text"],
)
async def test_prompts_of_every_kind(
    house: House, client: httpx.AsyncClient, prompt: Any, prompts: list[Any]
) -> None:
    reply = await client.post(PATH, json={"model": "tiny", "prompt": prompt})
    assert reply.status_code == 200, reply.text
    specs = sorted(house.generator.specs, key=lambda spec: (spec.prompt or "", spec.prompt_tokens or ()))
    assert [spec.prompt or spec.prompt_tokens for spec in specs] == prompts
    sent = generation_of(house.generator.callers[0], specs[0], target())
    assert (sent.prompt or tuple(sent.token_ids.ids)) == prompts[0]


async def test_several_prompts_of_several_answers(house: House, client: httpx.AsyncClient) -> None:
    house.generator.chunks = [
        Chunk("a", (Token(1, "a"),), finish("stop"), 0),
        Chunk("b", (Token(2, "b"),), finish(), 1),
    ]
    asked = {"model": "tiny", "prompt": ["x", "y", "z"], "n": 2, "echo": True}
    answer = (await client.post(PATH, json=asked)).json()
    assert [(each["index"], each["text"]) for each in answer["choices"]] == [
        (0, "xa"), (1, "xb"), (2, "ya"), (3, "yb"), (4, "za"), (5, "zb")
    ]  # fmt: skip
    assert answer["usage"]["prompt_tokens"] == 9, "each prompt once"
    assert answer["usage"]["completion_tokens"] == 12
    ids = sorted(caller.request_id for caller in house.generator.callers)
    assert [each.rpartition("-")[2] for each in ids] == ["0", "1", "2"]
    assert house.audit.seen == [("generate", "stop")] * 3
    reply = await client.post(PATH, json=asked | {"stream": True})
    texts = dict.fromkeys(range(6), "")
    for _, data in events(reply.text)[:-1]:
        for choice in json.loads(data)["choices"]:
            texts[choice["index"]] += choice["text"]
    assert list(texts.values()) == ["xa", "xb", "ya", "yb", "za", "zb"]


async def test_one_that_fails_ends_all(house: House, client: httpx.AsyncClient) -> None:
    house.generator.error = Unavailable("gone")
    reply = await client.post(PATH, json={"model": "tiny", "prompt": ["x", "y"]})
    assert (reply.status_code, reply.json()["error"]["message"]) == (503, "gone")
    assert house.generator.running == 0


async def test_who_leaves_stops_all(house: House, client: httpx.AsyncClient) -> None:
    house.generator.gate = asyncio.Event()
    asked = asyncio.create_task(client.post(PATH, json={"model": "tiny", "prompt": ["x", "y"]}))
    await house.generator.entered.wait()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await house.settled()
    assert house.generator.running == 0


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [[1], [True]]}, "prompt[1]"),
        ({"prompt": [1, "x"]}, "prompt"),
        ({"prompt": [{}]}, "prompt"),
        ({"prompt": ["x"] * 65}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [2**31]}, "prompt"),
        ({"prompt": ["x", ""]}, "prompt"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"echo": True, "prompt": [1]}, "echo"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else None,
)
async def test_a_refusal_names_the_field(
    client: httpx.AsyncClient, change: dict[str, Any], param: str
) -> None:
    reply = await client.post(PATH, json={"model": "tiny", "prompt": "x"} | change)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
