"""OpenAI's protocol, through nothing but its official client. The tiny model speaks gibberish in forms."""

import json
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.e2e.conftest import KEY
from tests.harness.platform import Platform, eventually
from tests.harness.tiny_adapter import write_tiny_adapter
from tests.harness.tiny_model import write_tiny_bert

ASK: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 200,
    "seed": 5,
}
PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"enum": ["Rome", "Oslo"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS, "strict": True}}
NOW: Any = {"type": "function", "function": {"name": "now", "description": "The time."}}


def test_a_whole_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(**ASK)
    (choice,) = answer.choices
    assert answer.id.startswith("chatcmpl-")
    assert answer.object == "chat.completion"
    assert answer.model == "tiny:1"
    assert (answer.system_fingerprint or "").startswith("fp_")
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert client.chat.completions.create(**ASK).choices[0].message.content == choice.message.content


def test_a_stream_is_the_whole_with_its_usage_last(client: OpenAI) -> None:
    whole = client.chat.completions.create(**ASK)
    chunks = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    *others, last = chunks
    assert others[0].choices[0].delta.role == "assistant"
    assert "".join(each.choices[0].delta.content or "" for each in others) == whole.choices[0].message.content
    assert others[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert all(each.usage is None for each in others)
    assert not last.choices
    assert last.usage is not None
    assert whole.usage is not None
    assert last.usage.completion_tokens == whole.usage.completion_tokens


def test_several_answers(client: OpenAI) -> None:
    answer = client.chat.completions.create(**ASK, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3
    seconds = client.chat.completions.create(**ASK | {"seed": 6}).choices[0].message.content
    assert answer.choices[1].message.content == seconds


def test_a_stop_string(client: OpenAI) -> None:
    asked: Any = {
        "model": "tiny",
        "prompt": "x",
        "max_tokens": 60,
        "extra_body": {"structure": {"regex": "a{9}b{9}"}},
    }
    stopped = client.completions.create(**asked, stop=["ab"]).choices[0]
    assert (stopped.text, stopped.finish_reason) == ("a" * 8, "stop")
    assert client.completions.create(**asked | {"max_tokens": 1}).choices[0].finish_reason == "length"


def test_logprobs(client: OpenAI) -> None:
    choice = client.chat.completions.create(**ASK, logprobs=True, top_logprobs=2).choices[0]
    assert choice.logprobs is not None
    tokens = choice.logprobs.content or []
    assert tokens
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 2
        assert token.top_logprobs[0].logprob >= token.top_logprobs[1].logprob
    completion = client.completions.create(model="tiny", prompt="x", max_tokens=4, logprobs=1).choices[0]
    assert completion.logprobs is not None
    assert len(completion.logprobs.token_logprobs or []) <= 4


def test_a_bias_bars_a_token(client: OpenAI) -> None:
    asked: Any = {"model": "tiny", "prompt": [5, 6, 7], "max_tokens": 1, "temperature": 0}
    first = client.completions.create(**asked, logprobs=0).choices[0].text
    barred = (
        client.completions.create(**asked, logit_bias={str(at): -100 for at in range(3, 150)}).choices[0].text
    )
    other = (
        client.completions.create(**asked, logit_bias={str(at): -100 for at in range(150, 300)})
        .choices[0]
        .text
    )
    assert barred != other
    assert first in (barred, other)


class _Person(BaseModel):
    kind: Literal["cat", "dog"]
    tame: bool


def test_a_json_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}},
        "required": ["ok", "kind"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema, "strict": True}}
    found = json.loads(
        client.chat.completions.create(**ASK, response_format=form).choices[0].message.content or ""
    )
    assert set(found) == {"ok", "kind"}
    assert found["kind"] in ("a", "b")


def test_a_pydantic_class(client: OpenAI) -> None:
    parsed = client.chat.completions.parse(**ASK, response_format=_Person).choices[0].message.parsed
    assert parsed is not None
    assert parsed.kind in ("cat", "dog")


def test_a_named_tool_is_called_with_arguments_of_its_schema(client: OpenAI) -> None:
    named: Any = {"type": "function", "function": {"name": "weather"}}
    choice = client.chat.completions.create(**ASK, tools=[WEATHER, NOW], tool_choice=named).choices[0]
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert arguments["city"] in ("Rome", "Oslo")
    assert 1 <= arguments["days"] <= 9
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)


def test_calls_come_in_pieces(client: OpenAI) -> None:
    asked: Any = ASK | {"tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False}
    whole = client.chat.completions.create(**asked).choices[0].message.tool_calls or []
    with client.chat.completions.stream(**asked) as stream:
        final = stream.get_final_completion().choices[0]
    (call,) = final.message.tool_calls or []
    assert call.function.arguments == whole[0].function.arguments
    assert call.function.parsed_arguments == json.loads(whole[0].function.arguments)
    assert final.finish_reason == "tool_calls"


def test_a_conversation_goes_on_with_what_tools_returned(client: OpenAI) -> None:
    messages: list[Any] = list(ASK["messages"])
    asked: Any = {"tools": [WEATHER, NOW], "tool_choice": "required", "parallel_tool_calls": False}
    for turn in range(2):
        message = client.chat.completions.create(**ASK | asked | {"messages": messages}).choices[0].message
        (call,) = message.tool_calls or []
        messages += [message, {"role": "tool", "tool_call_id": call.id, "content": f"{turn}"}]
    last = client.chat.completions.create(
        **ASK | {"messages": messages, "tools": [NOW], "tool_choice": "none"}
    )
    assert last.choices[0].message.tool_calls is None
    assert last.usage is not None
    assert last.usage.prompt_tokens > 50


def test_text_goes_without_calls_where_they_are_not_asked_for(client: OpenAI) -> None:
    choice = client.chat.completions.create(**ASK | {"max_tokens": 20}, tools=[NOW]).choices[0]
    assert choice.message.content or choice.message.tool_calls
    assert choice.finish_reason in ("stop", "length", "tool_calls")


def test_several_prompts(client: OpenAI) -> None:
    asked: Any = {"model": "tiny", "max_tokens": 6, "seed": 3}
    answer = client.completions.create(**asked, prompt=["one", "two", "three"], n=2)
    alone = client.completions.create(**asked, prompt="two", n=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3, 4, 5]
    assert [choice.text for choice in answer.choices[2:4]] == [choice.text for choice in alone.choices]
    texts = dict.fromkeys(range(6), "")
    for chunk in client.completions.create(**asked, prompt=["one", "two", "three"], n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert list(texts.values()) == [choice.text for choice in answer.choices]


def test_vectors(client: OpenAI, guarded: Platform, tiny_model: Path) -> None:
    encoder, folder = "sentences", write_tiny_bert(tiny_model.parent / "sentences")
    guarded.command("models", "import", str(folder), "--name", encoder)
    texts = ["the cat sat", "on the mat"]
    packed = client.embeddings.create(model=encoder, input=texts)
    plain = client.embeddings.create(model=encoder, input=texts, encoding_format="float")
    assert [len(each.embedding) for each in packed.data] == [32, 32]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    with pytest.raises(openai.BadRequestError, match="dimensions must be 32"):
        client.embeddings.create(model=encoder, input="the cat", dimensions=16)


def test_models(client: OpenAI, guarded: Platform, tiny_model: Path) -> None:
    folder = write_tiny_adapter(tiny_model.parent / "sailor", seed=9)
    guarded.command("models", "import", str(folder), "--name", "sailor", "--base", "tiny:1")
    assert {"tiny", "sailor"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("tiny:1").id == "tiny:1"
    answer = client.chat.completions.create(**ASK | {"model": "sailor"})
    assert answer.model == "sailor:1"
    assert (
        answer.choices[0].message.content != client.chat.completions.create(**ASK).choices[0].message.content
    )


@pytest.mark.parametrize(
    ("change", "kind", "param"),
    [
        ({"temperature": 3}, openai.BadRequestError, "temperature"),
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, openai.BadRequestError, "messages"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"not": {}}}}},
         openai.BadRequestError, "response_format.json_schema.schema"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"not": {}}}}]},
         openai.BadRequestError, "tools"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, openai.BadRequestError, "audio"),
        ({"model": "nothing-like-it"}, openai.NotFoundError, "model"),
        ({"messages": [{"role": "user", "content": "x" * 300_000}]},
         openai.APIStatusError, "messages[0].content"),
    ],
    ids=["range", "context", "schema", "tool", "unsupported", "model", "size"],
)  # fmt: skip
def test_refusals_raise_the_clients_own_classes(
    client: OpenAI, change: dict[str, Any], kind: type[openai.APIStatusError], param: str
) -> None:
    with pytest.raises(kind) as refused:
        client.chat.completions.create(**ASK | change)
    assert refused.value.param == param
    assert refused.value.request_id
    with pytest.raises(kind):
        next(iter(client.chat.completions.create(**ASK | change, stream=True)))


def test_keys_that_do_not_do(client: OpenAI, guarded: Platform) -> None:
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.with_options(api_key=f"ck_{'c' * 16}_{'d' * 43}").models.list()
    assert unknown.value.code == "invalid_api_key"
    auditor = guarded.command("keys", "create", "eve", "--role", "auditor").stdout.strip()
    with pytest.raises(openai.PermissionDeniedError):
        client.with_options(api_key=auditor).chat.completions.create(**ASK)


def test_limits_raise_the_clients_own_classes(client: OpenAI, guarded: Platform) -> None:
    secret = guarded.command("keys", "create", "bob", "--role", "caller").stdout.strip()
    key, mine = secret.split("_")[1], client.with_options(api_key=secret)
    guarded.command("limits", "set", "--key", key, "--requests-per-minute", "1")
    mine.chat.completions.create(**ASK)
    with pytest.raises(openai.RateLimitError) as refused:
        mine.chat.completions.create(**ASK)
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert int(refused.value.response.headers["retry-after"]) > 0


def test_a_spent_budget_is_a_402(client: OpenAI, guarded: Platform) -> None:
    secret = guarded.command("keys", "create", "carol", "--role", "caller").stdout.strip()
    mine = client.with_options(api_key=secret)
    guarded.command("limits", "set", "--key", secret.split("_")[1], "--monthly-tokens", "1")
    mine.chat.completions.create(**ASK)
    with pytest.raises(openai.APIStatusError) as refused:
        mine.chat.completions.create(**ASK)
    assert refused.value.status_code == 402
    assert refused.value.type == "insufficient_quota"


def test_who_closes_a_stream_frees_its_slot(client: OpenAI, guarded: Platform) -> None:
    long: dict[str, Any] = {"max_tokens": 8000, "n": 16, "logit_bias": {"0": -100}}  # no end token
    stream = client.chat.completions.create(**ASK | long, stream=True)
    events = iter(stream)
    next(events)
    eventually(lambda: _running(guarded) > 0, 30, "the engine works on the request")
    stream.close()
    eventually(lambda: _running(guarded) == 0, 30, "the engine lets the request go")


def _running(guarded: Platform) -> int:
    """Requests that the engine works on, as the router last heard."""
    with guarded.client(authorization=f"Bearer {KEY}") as http:
        engines: list[dict[str, Any]] = http.get("/engines").json()["engines"]
    return sum(int(engine["running"]) for engine in engines)
