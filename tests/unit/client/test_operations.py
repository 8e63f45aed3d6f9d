"""What each operation sends, and what it makes of the answer."""

import inspect
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from colonnade.client import (
    Alias,
    AliasTarget,
    AsyncColonnade,
    Choice,
    Chunk,
    Colonnade,
    Embedding,
    Generation,
    Health,
    Identity,
    ModelVersion,
    NewKey,
    Prepared,
    Rival,
    Score,
    TextUsage,
    Token,
    Tokens,
    Usage,
)
from colonnade.errors import AlreadyExists, Internal, InvalidArgument, Unavailable
from tests.unit.client.platform import (
    ENDING,
    KEY,
    MODEL,
    VERSION,
    Caller,
    answer,
    event_text,
    events,
    got,
    items,
    refused,
)

ALIAS = {
    "name": "production",
    "targets": [{"version": 3, "weight": 100}],
    "revision": 2,
    "updated_at": "2026-01-02T03:04:05Z",
    "updated_by": "ann",
}


async def test_a_generation(caller: Caller) -> None:
    caller.answers = [answer({**ENDING, "text": "Paris"})]
    generation = await got(
        caller.client().generate("The capital of France is", max_tokens=4, temperature=0.0)
    )
    assert generation == Generation(
        id="gen-1",
        text="Paris",
        finish_reason="stop",
        model=ModelVersion("tiny", 3, "sha256:ab"),
        usage=Usage(2, 4, 6, 1),
        timings={"queue": 0.5},
        seed=2**64 - 1,
        stop="\n",
    )
    [request] = caller.requests
    assert (request.method, request.url.path) == ("POST", "/generate")
    assert request.headers["content-type"] == "application/json"
    assert caller.bodies == [
        {"prompt": "The capital of France is", "max_tokens": 4, "temperature": 0.0, "stream": False}
    ]


async def test_everything_that_can_be_asked(caller: Caller) -> None:
    caller.answers = [answer({**ENDING, "logprobs": [{"id": 1, "text": "P", "logprob": -0.5, "top": []}]})]
    options: dict[str, Any] = {
        "messages": [{"role": "user", "content": "hi"}],
        "model": "tiny@production",
        "max_tokens": 1,
        "temperature": 0.5,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "preset": "precise",
        "stop": "\n",
        "seed": 7,
        "logprobs": 0,
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "n": 1,
        "structure": {"json_schema": {"type": "object"}},
        "user": "ann",
    }
    generation = await got(caller.client().generate(**options))
    assert generation.logprobs == (Token(1, "P", -0.5),)
    assert caller.bodies == [{**options, "stop": ["\n"], "stream": False}]


async def test_a_bias_names_tokens_by_number(caller: Caller) -> None:
    caller.answers = [answer(ENDING)]
    await got(caller.client().generate("p", logit_bias={15043: -100, 7: 0.5}))
    assert caller.bodies[0]["logit_bias"] == {"15043": -100, "7": 0.5}


ABOUT = {name: ENDING[name] for name in ("id", "model", "usage", "timings")}


async def test_several_answers(caller: Caller) -> None:
    first = {"text": "Paris", "finish_reason": "stop", "seed": 7, "stop": "!"}
    second = {"text": "Lyon", "finish_reason": "length", "seed": 8}
    body = ABOUT | first | {"choices": [{"index": 0} | first, {"index": 1} | second]}
    caller.answers = [answer(body)]
    generation = await got(caller.client().generate("p", n=2))
    assert generation.text == "Paris"
    assert generation.choices == (Choice(0, "Paris", "stop", 7, "!"), Choice(1, "Lyon", "length", 8))


async def test_several_answers_in_one_stream(caller: Caller) -> None:
    token = {"id": 5, "text": "is", "logprob": -0.5, "top": []}
    caller.answers = [
        events(
            {"id": "gen-1", "index": 0, "text": "Par"},
            {"id": "gen-1", "index": 1, "text": "Ly"},
            {"id": "gen-1", "index": 0, "text": "is", "tokens": [token]},
            {"id": "gen-1", "index": 0, "text": "", "finish_reason": "stop", "seed": 7, "stop": "!"},
            {"id": "gen-1", "index": 1, "text": "on"},
            {"id": "gen-1", "index": 1, "text": "", "finish_reason": "length", "seed": 8},
            ABOUT | {"text": ""},
        )
    ]
    stream = caller.client().stream("p", n=2, logprobs=0)
    chunks = await items(stream)
    assert [(chunk.index, chunk.text) for chunk in chunks] == [(0, "Par"), (1, "Ly"), (0, "is"), (1, "on")]
    token_ = Token(5, "is", -0.5)
    assert stream.result.choices == (
        Choice(0, "Paris", "stop", 7, "!", (token_,)),
        Choice(1, "Lyon", "length", 8),
    )
    assert (stream.result.text, stream.result.seed, stream.result.stop) == ("Paris", 7, "!")
    assert stream.result.usage == Usage(2, 4, 6, 1)


async def test_several_answers_that_break_off_are_none(caller: Caller) -> None:
    ended = {"id": "gen-1", "index": 0, "text": "x", "finish_reason": "stop", "seed": 7}
    caller.answers = [events(ended, {"id": "gen-1", "index": 1, "text": "y"}, done=False)]
    with pytest.raises(Unavailable):
        await got(caller.client().stream("p", n=2).wait())


async def test_an_answer_names_the_adapter_that_was_asked_for(caller: Caller) -> None:
    poet = {"name": "poet", "version": 2, "digest": "sha256:cd"}
    caller.answers = [answer(ENDING | {"model": MODEL | {"adapter": poet}}), answer(ENDING)]
    adapted = await got(caller.client().generate("p", adapter="poet:2"))
    assert adapted.model.adapter == ModelVersion("poet", 2, "sha256:cd")
    plain = await got(caller.client().generate("p", adapter=None))
    assert plain.model.adapter is None
    assert [body.get("adapter") for body in caller.bodies] == ["poet:2", None]


async def test_what_is_none_is_not_sent(caller: Caller) -> None:
    caller.answers = [answer(ENDING)]
    await got(caller.client().generate("p", model=None, seed=None, stop=["a", "b"]))
    assert caller.bodies == [{"prompt": "p", "stop": ["a", "b"], "stream": False}]


async def test_a_stream_gives_chunks_and_then_the_whole(caller: Caller) -> None:
    token = {"id": 5, "text": "is", "logprob": -0.5, "top": [{"id": 6, "text": "as", "logprob": -1.5}]}
    caller.answers = [
        events({"id": "gen-1", "text": "Par"}, {"id": "gen-1", "text": "is", "tokens": [token]}, ENDING)
    ]
    stream = caller.client().stream("p", logprobs=1)
    chunks = await items(stream)
    assert chunks == [Chunk("Par"), Chunk("is", (Token(5, "is", -0.5, (Rival(6, "as", -1.5),)),))]
    assert stream.result.text == "Paris"
    assert stream.result.logprobs == chunks[1].tokens
    assert stream.result.usage == Usage(2, 4, 6, 1)
    [request] = caller.requests
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["x-request-id"] == stream.request_id
    assert caller.bodies == [{"prompt": "p", "logprobs": 1, "stream": True}]


async def test_waiting_for_a_stream(caller: Caller) -> None:
    caller.answers = [events({"id": "gen-1", "text": "Paris"}, ENDING)]
    assert (await got(caller.client().stream("p").wait())).text == "Paris"


async def test_texts_become_vectors(caller: Caller) -> None:
    body = {
        "data": [{"index": 0, "embedding": [0.6, 0.8]}, {"index": 1, "embedding": [1.0, 0.0]}],
        "model": MODEL,
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }
    caller.answers = [answer(body), answer(body)]
    found = await got(caller.client().embed(("a", "b"), model="minilm", truncate=True, user="ann"))
    assert found.vectors == ((0.6, 0.8), (1.0, 0.0))
    assert found.data[1] == Embedding(1, (1.0, 0.0))
    assert (found.model.version, found.usage) == (3, TextUsage(5, 5))
    await got(caller.client().embed("a"))
    assert [request.url.path for request in caller.requests] == ["/embed"] * 2
    assert caller.bodies == [
        {"input": ["a", "b"], "model": "minilm", "truncate": True, "user": "ann"},
        {"input": ["a"]},
    ]


async def test_texts_and_their_tokens(caller: Caller) -> None:
    body = {"tokens": [7, 8], "count": 2, "max_model_len": 64, "token_strs": ["Par", "is"], "model": MODEL}
    caller.answers = [
        answer(body),
        answer(body | {"token_strs": None}),
        answer({"prompt": "x", "model": MODEL}),
    ]
    client = caller.client()
    found = await got(client.tokenize("Paris", add_special_tokens=False, with_texts=True, model="tiny"))
    assert found == Tokens((7, 8), 2, 64, ModelVersion("tiny", 3, "sha256:ab"), ("Par", "is"))
    messages = [{"role": "user", "content": "hi"}]
    assert (await got(client.tokenize(messages=messages))).token_strs is None
    assert await got(client.detokenize((7, 8), model="tiny")) == "x"
    assert caller.bodies == [
        {"prompt": "Paris", "add_special_tokens": False, "return_token_strs": True, "model": "tiny"},
        {"messages": messages},
        {"tokens": [7, 8], "model": "tiny"},
    ]


async def test_texts_are_scored(caller: Caller) -> None:
    token = {"id": 5, "text": "is", "logprob": -0.5}
    body = {
        "data": [{"index": 0, "tokens": [token], "total_logprob": -0.5}],
        "model": MODEL,
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    caller.answers = [answer(body), answer(body)]
    found = await got(caller.client().score("is", context="Par", model_size="1M"))
    assert found.data == (Score(0, (Token(5, "is", -0.5),), -0.5),)
    await got(caller.client().score(["is"]))
    assert [request.url.path for request in caller.requests] == ["/score"] * 2
    assert caller.bodies == [
        {"text": ["is"], "context": "Par", "model_size": "1M"},
        {"text": ["is"]},
    ]


async def test_models_are_listed_over_all_pages(caller: Caller) -> None:
    first = {
        "name": "a",
        "description": "",
        "size_label": "",
        "latest_version": 1,
        "aliases": [],
        "created_at": None,
    }
    caller.answers = [
        answer({"models": [first], "next_page_token": "x&y=z"}),
        answer({"models": [{**first, "name": "b", "aliases": [ALIAS]}], "next_page_token": ""}),
    ]
    models = await got(caller.client().models.list())
    assert [model.name for model in models] == ["a", "b"]
    assert models[1].aliases[0].targets == (AliasTarget(3, 100),)
    assert [request.url.query for request in caller.requests] == [b"", b"page_token=x%26y%3Dz"]


async def test_a_model_has_its_versions(caller: Caller) -> None:
    caller.answers = [answer({"name": "tiny", "latest_version": 3, "versions": [VERSION], "new_field": 1})]
    model = await got(caller.client().models.get("tiny"))
    [version] = model.versions
    assert (version.version, version.size_bytes) == (3, 28)
    assert version.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "path"),
    [("..", b"/models/%2E%2E"), ("ü ?#", b"/models/%C3%BC%20%3F%23"), ("%2F", b"/models/%252F")],
)
async def test_a_name_is_one_segment_of_the_path(caller: Caller, name: str, path: bytes) -> None:
    caller.answers = [answer({"name": name})]
    await got(caller.client().models.get(name))
    assert caller.requests[0].url.raw_path == path


@pytest.mark.parametrize("name", ["", "a/b", "/", "\ud800"])
async def test_a_name_that_no_path_can_carry_is_not_sent(caller: Caller, name: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await got(caller.client().models.get(name))
    assert raised.value.details["field"] == "name"
    assert not caller.requests


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}, [[b"x"]], {(1, 2): 3}])
async def test_what_json_cannot_hold_is_named_and_not_sent(caller: Caller, value: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await got(caller.client().generate("x", user=value))
    assert raised.value.details["field"] == "user"
    assert not caller.requests


@pytest.mark.parametrize("messages", [5, "text", ["x"], [None]])
async def test_messages_of_the_wrong_type_are_the_platforms_to_refuse(caller: Caller, messages: Any) -> None:
    caller.answers = [refused(400, "invalid_argument", "messages must be an array")]
    with pytest.raises(InvalidArgument, match="messages"):
        await got(caller.client().generate(messages=messages))


async def test_an_import_shows_its_progress_and_ends_with_the_version(caller: Caller) -> None:
    caller.answers = [
        events(
            {"stage": "read", "fraction": 0.5, "message": "reading"},
            {"stage": "done", "fraction": 1, "message": "", "version": VERSION},
        )
    ]
    stream = caller.client().models.import_("bundled:tiny", name="tiny", alias="production")
    steps = await items(stream)
    assert [(step.stage, step.fraction, step.message) for step in steps] == [
        ("read", 0.5, "reading"),
        ("done", 1, ""),
    ]
    assert stream.result == steps[1].version
    assert stream.result.digest == "sha256:ab"
    assert caller.bodies == [{"source": "bundled:tiny", "name": "tiny", "alias": "production"}]
    assert caller.requests[0].headers["accept"] == "text/event-stream"
    assert len(caller.requests[0].headers["idempotency-key"]) == 32


async def test_a_version_is_prepared(caller: Caller) -> None:
    step = {"name": "tiny", "version": 3, "digest": "sha256:ab"}
    ready = step | {"state": "ready", "seconds": 4.5, "memory_bytes": 7}
    caller.answers = [events(step | {"state": "loading", "seconds": 2.0, "memory_bytes": 0}, ready)]
    stream = caller.client().models.prepare("tiny@canary")
    assert [each.state for each in await items(stream)] == ["loading", "ready"]
    assert stream.result == [Prepared("tiny", 3, "sha256:ab", "ready", 4.5, 7)]
    assert (caller.requests[0].method, caller.requests[0].url.path) == ("POST", "/models/tiny@canary/prepare")


async def test_loading_that_breaks_off_is_told(caller: Caller) -> None:
    step = {"name": "tiny", "version": 3, "digest": "sha256:ab", "state": "loading"}
    caller.answers = [events(step, done=False)]
    with pytest.raises(Unavailable, match="broke off"):
        await got(caller.client().models.prepare("tiny").wait())


async def test_an_adapter_comes_with_its_base(caller: Caller) -> None:
    adapter = VERSION | {"family": "lora", "base": "sha256:ef"}
    caller.answers = [events({"stage": "done", "fraction": 1, "version": adapter})]
    stream = caller.client().models.import_("/adapters/poet", name="poet", base="tiny:3")
    await items(stream)
    assert (stream.result.family, stream.result.base) == ("lora", "sha256:ef")
    assert caller.bodies == [{"source": "/adapters/poet", "name": "poet", "base": "tiny:3"}]


async def test_an_alias_moves_to_one_version_or_to_several(caller: Caller) -> None:
    caller.answers = [answer(ALIAS), answer(ALIAS)]
    client = caller.client()
    alias = await got(client.models.set_alias("tiny", "production", 3))
    assert isinstance(alias, Alias)
    assert alias.revision == 2
    targets = [AliasTarget(2, 10), AliasTarget(3, 90)]
    await got(client.models.set_alias("tiny", "production", targets, expected_revision=0))
    assert [request.method for request in caller.requests] == ["PUT", "PUT"]
    assert caller.requests[0].url.path == "/models/tiny/aliases/production"
    assert caller.bodies == [
        {"targets": [{"version": 3, "weight": 100}]},
        {"targets": [{"version": 2, "weight": 10}, {"version": 3, "weight": 90}], "expected_revision": 0},
    ]


async def test_what_is_deleted_says_nothing(caller: Caller) -> None:
    caller.answers = [answer(None, 204), answer(None, 204)]
    client = caller.client()
    assert await got(client.models.delete_alias("tiny", "canary")) is None
    assert await got(client.keys.revoke("k1")) is None
    assert [(request.method, request.url.path) for request in caller.requests] == [
        ("DELETE", "/models/tiny/aliases/canary"),
        ("DELETE", "/keys/k1"),
    ]


async def test_a_new_key_shows_its_secret_once_and_never_in_logs(caller: Caller) -> None:
    caller.answers = [answer({**KEY, "secret": "ck_k1_hunter2"}, 201)]
    at = datetime(2030, 1, 1, tzinfo=UTC)
    key = await got(caller.client().keys.create("laptop", roles=["admin"], subject="ann", expires_at=at))
    assert isinstance(key, NewKey)
    assert (key.id, key.secret, key.roles) == ("k1", "ck_k1_hunter2", ("admin", "caller"))
    assert "hunter2" not in repr(key)
    assert caller.bodies == [
        {"name": "laptop", "roles": ["admin"], "subject": "ann", "expires_at": "2030-01-01T00:00:00+00:00"}
    ]
    assert caller.requests[0].headers["idempotency-key"]


async def test_keys_are_listed_and_rotated(caller: Caller) -> None:
    caller.answers = [
        answer({"keys": [KEY]}),
        answer({**KEY, "id": "k2", "replaces": "k1", "secret": "s"}, 201),
    ]
    client = caller.client()
    [key] = await got(client.keys.list())
    assert (key.id, key.name, key.created_by) == ("k1", "laptop", "local")
    rotated = await got(client.keys.rotate("k1", grace_seconds=60))
    assert (rotated.id, rotated.replaces, rotated.secret) == ("k2", "k1", "s")
    assert caller.requests[1].url.path == "/keys/k1/rotate"
    assert caller.bodies[0] == {"grace_seconds": 60}


async def test_whoami(caller: Caller) -> None:
    told = {"tenant": "acme", "subject": "ann", "key": "k1", "roles": ["caller"], "may": ["POST /generate"]}
    caller.answers = [answer(told), answer(told | {"key": None})]
    client = caller.client()
    assert await got(client.whoami()) == Identity("acme", "ann", "k1", ("caller",), ("POST /generate",))
    assert (await got(client.whoami())).key is None
    assert caller.requests[0].url.path == "/whoami"


async def test_health_is_an_answer_either_way(caller: Caller) -> None:
    parts = {"registry": "ready", "inference": "no engine"}
    caller.answers = [
        answer({"status": "ready", "parts": {"registry": "ready"}}),
        refused(503, "unavailable", "not ready", details={"parts": parts}, retry_after="1"),
        answer("a proxy's page", 503),
    ]
    client = caller.client()
    assert await got(client.health()) == Health(True, {"registry": "ready"})
    assert await got(client.health()) == Health(False, parts)
    assert await got(client.health()) == Health(False)
    assert caller.slept == []


async def test_version(caller: Caller) -> None:
    caller.answers = [answer({"name": "colonnade", "version": "0.1.0"})]
    version = await got(caller.client().version())
    assert (version.version, version.extra) == ("0.1.0", {"name": "colonnade"})


@pytest.mark.parametrize("body", [None, [], "text", {}, {"version": 3}, {"version": None}], ids=str)
async def test_an_answer_that_is_not_ours_is_named(caller: Caller, body: Any) -> None:
    caller.answers = [answer(body)]
    with pytest.raises(Internal, match="check that base_url is a Colonnade gateway"):
        await got(caller.client().version())


async def test_a_missing_field_is_named(caller: Caller) -> None:
    caller.answers = [answer({**ENDING, "usage": {"prompt_tokens": 1}})]
    with pytest.raises(Internal, match=r"Generation\.usage\.completion_tokens"):
        await got(caller.client().generate("p"))


async def test_a_stream_that_is_a_page_is_named(caller: Caller) -> None:
    caller.answers = [answer("<html>")]
    with pytest.raises(Internal, match="not an event stream"):
        await items(caller.client().stream("p"))


@pytest.mark.parametrize("data", ["{", "[]", "3"])
async def test_an_event_that_is_not_ours_is_named(caller: Caller, data: str) -> None:
    caller.answers = [event_text(f"data: {data}\n\n")]
    with pytest.raises(Internal, match="a stream event"):
        await items(caller.client().stream("p"))


async def test_an_error_in_the_middle_of_a_stream(caller: Caller) -> None:
    error = {"code": "already_exists", "message": "again", "details": {"field": "name"}, "request_id": "r"}
    body = json.dumps({"error": error})
    caller.answers = [event_text(f'data: {{"stage": "read"}}\n\nevent: error\ndata: {body}\n\n')]
    stream = caller.client().models.import_("x.gguf")
    with pytest.raises(AlreadyExists, match="again") as raised:
        await items(stream)
    assert raised.value.details == {"field": "name", "request_id": "r"}


def test_both_clients_offer_the_same() -> None:
    pairs: list[tuple[type, type]] = [(Colonnade, AsyncColonnade)]
    with Colonnade() as sync:
        asynchronous = AsyncColonnade()
        pairs += [(type(sync.models), type(asynchronous.models)), (type(sync.keys), type(asynchronous.keys))]
    for one, other in pairs:
        assert _public(one) == _public(other)


def _public(kind: type) -> dict[str, list[tuple[str, Any]]]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    shapes = {
        name: [(each.name, each.default) for each in inspect.signature(method).parameters.values()]
        for name, method in methods
        if not name.startswith("_")
    }
    return {name.removeprefix("a") if name == "aclose" else name: shape for name, shape in shapes.items()}
