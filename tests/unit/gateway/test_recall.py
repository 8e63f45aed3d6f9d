"""``memory`` in a generation: what is asked of memory, what gets into the prompt, and what is said of it."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from colonnade.errors import (
    ColonnadeError,
    DeadlineExceeded,
    Internal,
    NotFound,
    Overloaded,
    PermissionDenied,
    Unavailable,
)
from colonnade.gateway.adapters.inference import generation_of
from colonnade.gateway.domain.generation import Chunk, Token
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.gateway.domain.memory import Found, MemoryFilter, Question, Recollection
from colonnade.security.identity import Role
from tests.unit.gateway.every_route import LOCAL
from tests.unit.gateway.fake_memory import chunk, hit, memory
from tests.unit.gateway.fakes import House, events, finish, target

ASK = [{"role": "user", "content": "What does Ann drink?"}]
WHY = {
    "word_rank": 1, "bm25": 2.5, "words": ["tea"], "vector_rank": None, "cosine": 0.0, "strength": 0.5,
    "reranked": None,
}  # fmt: skip


async def ask(client: httpx.AsyncClient, memory: Any, **more: Any) -> httpx.Response:
    body = {"messages": ASK} | more | {"memory": memory}
    if "prompt" in body:
        del body["messages"]
    return await client.post("/generate", json=body)


async def test_what_is_recalled_is_in_the_prompt_and_told(house: House, client: httpx.AsyncClient) -> None:
    found = Found((hit(memory()), hit(chunk("Tea at four." * 50, page=3), 0.01)), ("vectors",))
    house.memory.recollection = Recollection(turns=house.memory.recollection.turns, found=found)
    answer = await ask(client, {"session": "s1", "recall": True})
    assert answer.status_code == 200, answer.text
    told = answer.json()["memory"]
    assert (told["session_turns"], told["without"], "remembered" in told) == (2, ["vectors"], False)
    first, second = told["citations"]
    assert first == {
        "number": 1, "id": "mem_1", "kind": "fact", "text": "Ann prefers tea.", "document": None, "why": WHY,
        "score": 0.03,
    }  # fmt: skip
    assert second["document"] == {"id": "doc_1", "name": "Handbook", "start": 10, "end": 610, "page": 3}
    assert (second["number"], len(second["text"])) == (2, 300)
    (spec,) = house.generator.specs
    assert [each.role for each in spec.messages or ()] == ["system", "user", "assistant", "user"]
    assert "[1] fact of 2030-01-02\n> Ann prefers tea." in (spec.messages or ())[0].content
    assert generation_of(LOCAL, spec, target()).chat.messages[3].content == ASK[0]["content"]


async def test_memory_is_asked_as_who_asks_for_what_was_asked(
    house: House, client: httpx.AsyncClient
) -> None:
    wanted = {"limit": 7, "kinds": ["fact", "chunk", "fact"], "documents": ["doc_1"]}
    turns = [*ASK, {"role": "assistant", "content": "Tea."}]
    await ask(client, {"session": "s1", "recall": wanted}, user="ann", messages=turns)
    filter_ = MemoryFilter(("fact", "chunk"), documents=("doc_1",))
    assert house.memory.asked == [("recall", Question(ASK[0]["content"], 7, filter_), "s1", 0.2)]
    assert house.memory.subjects == ["ann"]
    await ask(client, {"recall": {}}, prompt="x" * 9000 + "?")
    assert house.memory.asked[-1] == ("recall", Question("x" * 3999 + "?", 5, MemoryFilter()), "", 0.2)
    assert house.memory.exchanges == []


async def test_the_caches_know_that_it_is_personal(house: House, client: httpx.AsyncClient) -> None:
    await ask(client, {"recall": True})
    await client.post("/generate", json={"prompt": "x"})
    assert [caller.caching.personal for caller in house.generator.callers] == [True, False]


@pytest.mark.parametrize(
    "error", [Unavailable("memory is away"), DeadlineExceeded("late"), Overloaded("full"), Internal("ours")]
)
async def test_without_memory_the_answer_comes_and_says_so(
    house: House, client: httpx.AsyncClient, error: ColonnadeError
) -> None:
    house.memory.error = error
    answer = await ask(client, {"session": "s1", "recall": True, "remember": True})
    assert (answer.status_code, answer.json()["text"]) == (200, "Paris")
    assert answer.headers["x-colonnade-degraded"] == "memory"
    assert answer.json()["memory"] == {
        "unavailable": error.message, "remembered": False, "why_not": error.message
    }  # fmt: skip
    assert [each.content for each in house.generator.specs[0].messages or ()] == [ASK[0]["content"]]


@pytest.mark.parametrize(
    ("error", "status", "field"),
    [
        (NotFound("there is no document doc_9", field="documents"), 404, "memory.recall"),
        (PermissionDenied("no"), 403, "memory.recall"),
        (NotFound("no", field="session"), 404, "memory.session"),
    ],
)
async def test_what_is_wrong_with_the_request_is_refused(
    house: House, client: httpx.AsyncClient, error: ColonnadeError, status: int, field: str
) -> None:
    house.memory.error = error
    answer = await ask(client, {"recall": True})
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (status, field)
    assert house.generator.specs == []


async def test_an_exchange_is_remembered(house: House, client: httpx.AsyncClient) -> None:
    for more in ({}, {"prompt": ASK[0]["content"]}):
        answer = await ask(client, {"session": "s1", "remember": True}, user="ann", **more)
        assert answer.json()["memory"] == {"remembered": True}
    (*first, key), (*again, other) = house.memory.exchanges
    assert first == again == ["s1", ASK[0]["content"], "Paris"]
    assert key != other
    assert set(house.memory.subjects) == {"ann"}
    assert house.generator.callers[0].caching.personal is False, "the prompt is as it was sent"


async def test_what_was_recalled_is_not_remembered_again(house: House, client: httpx.AsyncClient) -> None:
    answer = await ask(client, {"session": "s1", "recall": True, "remember": True})
    assert answer.json()["memory"]["remembered"] is True
    assert house.memory.exchanges[0][1:3] == (ASK[0]["content"], "Paris")
    prompt = await ask(client, {"session": "s1", "recall": True, "remember": True}, prompt="Ann drinks")
    assert prompt.json()["memory"]["remembered"] is True
    assert house.memory.exchanges[1][1] == "Ann drinks"


async def test_half_an_exchange_is_not_called_remembered(house: House, client: httpx.AsyncClient) -> None:
    house.memory.error_of["exchange"] = Unavailable("memory is away")
    answer = await ask(client, {"session": "s1", "recall": True, "remember": True})
    told = answer.json()["memory"]
    assert (told["remembered"], told["why_not"], len(told["citations"])) == (False, "memory is away", 1)
    assert "x-colonnade-degraded" not in answer.headers


@pytest.mark.parametrize(
    ("chunks", "why_not"),
    [
        ([Chunk("Pa", (), finish("deadline"))], "the answer ended early: deadline"),
        ([Chunk("Pa", (), finish("cancelled"))], "the answer ended early: cancelled"),
        ([Chunk(" ", (), finish("stop"))], "the answer is empty"),
    ],
)
async def test_what_is_no_answer_is_not_remembered(
    house: House, client: httpx.AsyncClient, chunks: list[Chunk], why_not: str
) -> None:
    house.generator.chunks = chunks
    answer = await ask(client, {"session": "s1", "remember": True})
    assert answer.json()["memory"] == {"remembered": False, "why_not": why_not}
    assert house.memory.exchanges == []


async def test_what_failed_or_was_left_is_not_remembered(house: House, client: httpx.AsyncClient) -> None:
    house.generator.error, house.generator.error_after = Unavailable("away"), 1
    assert (await ask(client, {"session": "s1", "remember": True})).status_code == 503
    house.generator.error, house.generator.gate = None, asyncio.Event()
    leaving = asyncio.create_task(ask(client, {"session": "s1", "remember": True}, stream=True))
    await house.generator.entered.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await house.settled()
    assert house.memory.exchanges == []


async def test_a_stream_says_it_at_its_end_and_its_text_does_not_wait(
    house: House, client: httpx.AsyncClient
) -> None:
    house.memory.gate = asyncio.Event()
    wanted = {"session": "s1", "recall": True, "remember": True}
    async with client.stream(
        "POST", "/generate", json={"messages": ASK, "stream": True, "memory": wanted}
    ) as stream:
        text = (await stream.aread()).decode()
    *told, last, done = [data for _, data in events(text)]
    assert ([json.loads(each)["text"] for each in told], done) == (["Pa", "ris"], "[DONE]")
    ending = json.loads(last)
    assert (ending["text"], ending["finish_reason"], ending["memory"]["session_turns"]) == ("", "length", 2)
    assert ending["memory"]["remembered"] is False
    assert "within 0.2 seconds" in ending["memory"]["why_not"]
    assert ending["usage"]["completion_tokens"] == 2


async def test_the_text_goes_on_before_memory_has_answered(house: House) -> None:
    house.memory.gate = asyncio.Event()
    house.generator.chunks = [Chunk("Paris", (Token(1, "Paris"),), finish())]
    seen: list[str] = []
    sent = asyncio.Event()

    async def send(message: Any) -> None:
        seen.append(message.get("body", b"").decode())
        if "Paris" in seen[-1]:
            assert house.memory.gate is not None
            house.memory.gate.set()
            sent.set()

    body = json.dumps(
        {"messages": ASK, "stream": True, "memory": {"session": "s", "remember": True}}
    ).encode()
    arrived = False

    async def receive() -> Any:
        nonlocal arrived
        if arrived:
            await asyncio.Event().wait()
        arrived = True
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http", "method": "POST", "path": "/generate", "raw_path": b"/generate", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8080"), (b"content-type", b"application/json")],
        "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080),
        "root_path": "",
    }  # fmt: skip
    async with asyncio.timeout(10):
        await house.app(scope, receive, send)
    assert sent.is_set()
    assert '"remembered":true' in "".join(seen)
    assert house.memory.exchanges[0][1:3] == (ASK[0]["content"], "Paris")


async def test_several_answers_share_what_was_recalled(house: House, client: httpx.AsyncClient) -> None:
    chunks = house.generator.chunks
    house.generator.chunks = [*chunks, *(replace(each, index=1) for each in chunks)]
    answer = await ask(client, {"recall": True}, n=2)
    assert (len(answer.json()["choices"]), len(answer.json()["memory"]["citations"])) == (2, 1)
    stream = await ask(client, {"recall": True}, n=2, stream=True)
    told = [json.loads(data) for _, data in events(stream.text)[:-1]]
    assert ["memory" in each for each in told] == [False] * (len(told) - 1) + [True]


async def test_openais_chat_has_it_too(house: House, client: httpx.AsyncClient) -> None:
    body = {
        "model": "tiny", "messages": ASK, "memory": {"session": "s1", "recall": True, "remember": True}
    }  # fmt: skip
    whole = (await client.post("/v1/chat/completions", json=body)).json()
    assert (whole["memory"]["remembered"], len(whole["memory"]["citations"])) == (True, 1)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await client.post("/v1/chat/completions", json=body | options)
    told = [json.loads(data) for _, data in events(stream.text)[:-1]]
    assert [each["memory"]["remembered"] for each in told if "memory" in each] == [True]
    assert told[-2]["choices"][0]["finish_reason"] == "length"
    assert "memory" in told[-2]
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in told[:-1]) == "Paris"
    assert (
        await client.post("/v1/completions", json={"model": "tiny", "prompt": "x", "memory": {}})
    ).is_error


@pytest.mark.parametrize(
    ("asked", "more", "field"),
    [
        ({}, {}, "memory"),
        ({"session": "s1"}, {}, "memory"),
        ({"recall": False, "remember": False}, {}, "memory"),
        (True, {}, "memory"),
        ({"recal": True}, {}, "memory.recal"),
        ({"recall": "yes"}, {}, "memory.recall"),
        ({"recall": {"limit": 0}}, {}, "memory.recall.limit"),
        ({"recall": {"limit": 51}}, {}, "memory.recall.limit"),
        ({"recall": {"kinds": ["gossip"]}}, {}, "memory.recall.kinds[0]"),
        ({"recall": {"documents": ["doc_1"] * 101}}, {}, "memory.recall.documents"),
        ({"recall": {"documents": ["doc_1", "\n"]}}, {}, "memory.recall.documents[1]"),
        ({"recall": True}, {"messages": [{"role": "system", "content": "x"}]}, "memory.recall"),
        ({"recall": True}, {"prompt": " \n"}, "memory.recall"),
        ({"recall": True, "session": "a\nb"}, {}, "memory.session"),
        ({"recall": True, "session": "x" * 129}, {}, "memory.session"),
        ({"remember": True}, {}, "memory.session"),
        ({"remember": True, "session": "s"}, {"n": 2}, "memory.remember"),
        (
            {"remember": True, "session": "s"},
            {"messages": [*ASK, {"role": "assistant", "content": "Tea"}]},
            "memory.remember",
        ),
    ],
)
async def test_what_makes_no_sense(
    house: House, client: httpx.AsyncClient, asked: Any, more: dict[str, Any], field: str
) -> None:
    answer = await ask(client, asked, **more)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["error"]["details"]["field"] == field
    assert (house.memory.asked, house.generator.specs) == ([], [])


async def test_with_tools_nothing_is_remembered(house: House, client: httpx.AsyncClient) -> None:
    tool = {"type": "function", "function": {"name": "weather"}}
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    answered = [
        *ASK, {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "Rain"}, *ASK,
    ]  # fmt: skip
    body = {"model": "tiny", "messages": ASK, "memory": {"session": "s", "remember": True}}
    for more in ({"tools": [tool]}, {"messages": answered}):
        refused = await client.post("/v1/chat/completions", json=body | more)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "memory.remember")
    recalled = await client.post(
        "/v1/chat/completions", json=body | {"tools": [tool], "memory": {"recall": True}}
    )
    assert recalled.status_code == 200, recalled.text


async def test_a_key_of_one_subject_speaks_for_no_other(house: House) -> None:
    pinned = await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.ADMIN}), subject="ann"))
    async with house.client(pinned.secret) as client:
        refused = await ask(client, {"recall": True}, user="bob")
        assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (403, "user")
        assert house.memory.asked == []
        assert (await ask(client, {"recall": True})).status_code == 200
    assert house.memory.subjects == ["ann"]


async def test_fair_use_counts_the_whole_prompt(house: House, client: httpx.AsyncClient) -> None:
    long = Recollection(found=Found((hit(memory("tea " * 300)),)))
    house.memory.recollection = long
    await ask(client, {"recall": True})
    (spec,) = house.generator.specs
    assert sum(len(each.content) for each in spec.messages or ()) > 1200
