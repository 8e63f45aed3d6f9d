"""The engine over gRPC: one process, a real socket, real errors."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.engine.scheduler import Limits
from colonnade.errors import (
    ColonnadeError,
    Conflict,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
    Unsupported,
)
from colonnade.models.protocol import LanguageModel
from tests.contract.engine.alone import alone
from tests.contract.engine.cases import Ask
from tests.unit.engine.served import LIMIT, Served, asking, bound, on_wire, serving
from tests.unit.engine.toys.artefacts import put
from tests.unit.engine.toys.loaded import runtime
from tests.unit.engine.toys.odd import Gated, Poisonable


class Models:
    """Loads one given model, whatever the files say."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(
        self, files: Mapping[str, Path], *, dtype: torch.dtype | None, device: torch.device | str
    ) -> LanguageModel:
        return cast("LanguageModel", self.model)


@pytest.fixture(autouse=True)
async def _limit() -> AsyncGenerator[None, None]:
    async with asyncio.timeout(LIMIT):
        yield


@pytest.fixture
async def served() -> AsyncGenerator[Served, None]:
    async with serving() as started:
        yield started


async def test_an_answer_arrives_in_chunks_with_all_that_belongs_to_it(served: Served) -> None:
    model = await served.load()
    sampling = gen.Sampling(temperature=0.9, top_k=20, seed=7)
    got = await served.answer(asking(model, sampling=sampling, max_tokens=9, logprobs=2))
    expected = alone(runtime(), Ask("hello", 9, 0.9, 20, seed=7))
    assert tuple(token.id for token in got.tokens) == expected.tokens
    assert got.text == expected.text
    assert all(
        token.HasField("logprob") and token.logprob <= 0 and len(token.top) == 2 for token in got.tokens
    )
    finish = got.finish
    assert finish.reason == gen.FINISH_REASON_LENGTH
    assert (finish.usage.prompt_tokens, finish.usage.completion_tokens) == (5, 9)
    assert finish.model == model
    assert finish.seed == 7
    assert 0 < finish.timings.time_to_first_token_seconds < LIMIT


async def test_without_a_seed_one_is_drawn_and_repeats_the_answer(served: Served) -> None:
    model = await served.load()
    first = await served.answer(asking(model, sampling=gen.Sampling(temperature=1.0)))
    seeded = gen.Sampling(temperature=1.0, seed=first.finish.seed)
    assert (await served.answer(asking(model, sampling=seeded))).text == first.text


async def test_a_chat_is_encoded_by_the_template(served: Served) -> None:
    model = await served.load()
    chat = gen.Chat(messages=[gen.ChatMessage(role="user", content="Hi")])
    got = await served.answer(gen.Generation(model=model, chat=chat, max_tokens=2))
    assert got.finish.usage.prompt_tokens == len("|user\nHi|\n|assistant\n")


async def test_max_tokens_ends_where_the_context_does(served: Served) -> None:
    model = await served.load()
    got = await served.answer(asking(model, "x" * 90, max_tokens=10**9))
    assert got.finish.usage.completion_tokens == 96 - 90
    assert got.finish.reason == gen.FINISH_REASON_LENGTH


def _gen(**more: Any) -> Any:
    return lambda model: asking(model, **more)


def _sampling(**more: Any) -> Any:
    return _gen(sampling=gen.Sampling(**more))


def _chat(*messages: gen.ChatMessage) -> Any:
    return lambda model: gen.Generation(model=model, chat=gen.Chat(messages=messages), max_tokens=1)


_ROOT = gen.ChatMessage(role="root", content="x")
BAD = {
    "long prompt": (_gen(prompt="x" * 96), InvalidArgument, "prompt"),
    "huge prompt": (_gen(prompt="x" * 1_000_001), TooLarge, "prompt"),
    "empty prompt": (_gen(prompt=""), InvalidArgument, "prompt"),
    "no input": (lambda model: gen.Generation(model=model, max_tokens=1), InvalidArgument, "prompt"),
    "no tokens": (_gen(max_tokens=0), InvalidArgument, "max_tokens"),
    "negative tokens": (_gen(max_tokens=-1), InvalidArgument, "max_tokens"),
    "temperature": (_sampling(temperature=-1), InvalidArgument, "temperature"),
    "not a number": (_sampling(temperature=float("nan")), InvalidArgument, "temperature"),
    "top_p": (_sampling(top_p=2), InvalidArgument, "top_p"),
    "top_k": (_sampling(top_k=-3), InvalidArgument, "top_k"),
    "logprobs": (_gen(logprobs=99), InvalidArgument, "logprobs"),
    "stops": (_gen(stop=[str(n) for n in range(10_000)]), TooLarge, "stop"),
    "empty stop": (_gen(stop=[""]), InvalidArgument, "stop"),
    "priority": (_gen(priority=2**31 - 1), InvalidArgument, "priority"),
    "digest": (lambda _: asking(gen.ModelRef(digest="x")), InvalidArgument, "model.digest"),
    "unknown": (lambda _: asking(gen.ModelRef(digest="sha256:" + "0" * 64)), NotFound, "model.digest"),
    "role": (_chat(_ROOT), InvalidArgument, "messages[0].role"),
    "no messages": (_chat(), InvalidArgument, "messages"),
}  # fmt: skip


async def test_bad_input_is_refused_by_name_and_the_next_request_works(served: Served) -> None:
    model = await served.load()
    for what, (make, kind, field) in BAD.items():
        with pytest.raises(kind) as refusal:
            await served.answer(make(model))
        assert refusal.value.details.get("field") == field, what
    assert (await served.answer(asking(model))).finish.usage.completion_tokens == 5


async def test_a_caller_who_leaves_frees_the_slot() -> None:
    gated = Gated()
    async with serving(Limits(max_sequences=1), Models(gated)) as served:
        model = await served.load()
        async with aclosing(cast("Any", served.submit(asking(model, max_tokens=80)))) as chunks:
            gated.permits.release(3)
            async for _ in chunks:
                break
        async with gated.trickling():
            got = await served.answer(asking(model, max_tokens=2))
        assert gated.forwards < 80
        assert got.finish.usage.completion_tokens == 2
        await served.until(lambda stats: stats.outstanding_tokens == stats.cache_bytes == 0)


async def test_a_deadline_ends_the_call_and_frees_the_slot() -> None:
    gated = Gated()
    async with serving(Limits(max_sequences=1), Models(gated)) as served:
        model = await served.load()
        gated.permits.release(2)
        with pytest.raises(DeadlineExceeded):
            async for _ in served.submit(asking(model, max_tokens=80), timeout=0.5):
                pass
        async with gated.trickling():
            got = await served.answer(asking(model, max_tokens=2))
        assert gated.forwards < 80
        assert got.finish.usage.completion_tokens == 2


async def test_only_the_own_tenant_can_abort() -> None:
    gated = Gated()
    async with serving(load=Models(gated)) as served:
        model = await served.load()
        request = pb.AbortRequest(request_id="mine")
        with bound(served.as_tenant("a")):
            answer = asyncio.create_task(served.answer(asking(model, max_tokens=80, request_id="mine")))
        await served.until(lambda stats: stats.outstanding_tokens > 0)
        with bound(served.as_tenant("b")):
            assert not (await served.call("Abort", request, pb.AbortResponse)).found
        with bound(served.as_tenant("a")):
            assert (await served.call("Abort", request, pb.AbortResponse)).found
        gated.permits.release(9)
        finish = (await answer).finish
        assert finish.reason == gen.FINISH_REASON_CANCELLED
        assert finish.usage.completion_tokens < 9


async def test_a_poison_request_fails_alone() -> None:
    async with serving(load=Models(Poisonable())) as served:
        model = await served.load()
        texts = ("one", "two", "po!son", "three")
        answers = await asyncio.gather(
            *(served.answer(asking(model, text)) for text in texts), return_exceptions=True
        )
        assert [type(each) for each in answers] == [gen.Chunk, gen.Chunk, Internal, gen.Chunk]


async def test_a_full_queue_says_when_to_come_back() -> None:
    gated = Gated()
    async with serving(Limits(queue_capacity=1, max_sequences=1), Models(gated)) as served:
        model = await served.load()
        first = asyncio.create_task(served.answer(asking(model, max_tokens=4)))
        await served.until(lambda stats: stats.models[0].running == 1)
        second = asyncio.create_task(served.answer(asking(model, max_tokens=4)))
        await served.until(lambda stats: stats.models[0].waiting == 1)
        with pytest.raises(Overloaded) as refusal:
            await served.answer(asking(model))
        assert refusal.value.details["retry_after_seconds"] >= 1
        gated.permits.release(20)
        assert [each.finish.usage.completion_tokens for each in (await first, await second)] == [4, 4]


async def test_scores_are_the_models_own_logprobs(served: Served) -> None:
    model = await served.load()
    reference = await served.answer(asking(model, "abc", max_tokens=8, logprobs=0))
    text = reference.text
    if "\ufffd" in text:  # what the model wrote is not text: score something that is
        text = "xyz, and a longer one than a chunk of the step"
    scored = await served.call(
        "Score", pb.ScoreRequest(model=model, context="abc", text=text), pb.ScoreResponse
    )
    assert "".join(token.text for token in scored.tokens) == text
    for count in (1, len(text) // 2):
        prompt = "abc" + text[:count]
        step = await served.answer(asking(model, prompt, max_tokens=1, logprobs=20, sampling=gen.Sampling()))
        rivals = {rival.id: rival.logprob for rival in step.tokens[0].top}
        token = scored.tokens[count]
        assert token.logprob == pytest.approx(rivals.get(token.id, token.logprob), abs=1e-4)
        assert token.logprob <= max(rivals.values()) + 1e-4
    assert scored.total_logprob == pytest.approx(sum(token.logprob for token in scored.tokens), abs=1e-4)
    bare = await served.call("Score", pb.ScoreRequest(model=model, text=text), pb.ScoreResponse)
    assert [token.id for token in bare.tokens] == [token.id for token in scored.tokens]
    for request, field in (
        (pb.ScoreRequest(model=model, text=""), "text"),
        (pb.ScoreRequest(model=model, text="x" * 97), "text"),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            await served.call("Score", request, pb.ScoreResponse)
        assert refusal.value.details["field"] == field


async def test_what_the_model_cannot_do_is_refused_naming_it(served: Served) -> None:
    model, diffusion = await served.load(), await served.load("block_diffusion")
    adapted = gen.ModelRef(digest=model.digest, adapter="sha256:" + "1" * 64)
    adapter = pb.LoadAdapterRequest(model_digest=model.digest, manifest=on_wire(await put(served.blobs)))
    calls: list[tuple[Any, str]] = [
        (served.call("Embed", pb.EmbedRequest(model=model, texts=["a"]), pb.EmbedResponse), "embed"),
        (served.call("LoadAdapter", adapter, pb.LoadAdapterResponse), "adapters"),
        (served.call("Score", pb.ScoreRequest(model=diffusion, text="a"), pb.ScoreResponse), "score"),
        (served.answer(asking(adapted)), "adapters"),
    ]  # fmt: skip
    for call, capability in calls:
        with pytest.raises(Unsupported) as refusal:
            await call
        assert refusal.value.details["capability"] == capability
        assert "generate" in refusal.value.details["supported"]


async def test_several_models_are_loaded_listed_and_unloaded(served: Served) -> None:
    models = [await served.load(family) for family in ("autoregressive", "recurrent")]
    stats = await served.stats()
    assert [each.model for each in stats.models] == models
    assert stats.memory_used_bytes == sum(each.memory_bytes for each in stats.models) > 0
    assert stats.models[0].context_length == 96
    assert "generate" in stats.models[0].capabilities
    assert stats.queue_capacity == Limits().queue_capacity
    assert len(stats.instance) == 32
    answers = await asyncio.gather(*(served.answer(asking(model)) for model in models))
    assert answers[0].text != answers[1].text
    request = pb.UnloadRequest(digest=models[0].digest)
    assert (await served.call("Unload", request, pb.UnloadResponse)).found
    assert not (await served.call("Unload", request, pb.UnloadResponse)).found
    with pytest.raises(NotFound):
        await served.answer(asking(models[0]))


async def test_a_load_that_is_wrong_is_refused(served: Served) -> None:
    manifest = on_wire(await put(served.blobs))
    forged = type(manifest).FromString(manifest.SerializeToString())
    forged.family = "other"
    escaping = type(manifest).FromString(manifest.SerializeToString())
    escaping.artefacts[0].path = "../../etc/passwd"
    for bad, kind in ((forged, Conflict), (escaping, InvalidArgument), (type(manifest)(), InvalidArgument)):
        with pytest.raises(kind):
            async for _ in served.peer.stream(
                served.stub.Load, pb.LoadRequest(manifest=bad), pb.LoadResponse
            ):
                pass


async def test_draining_finishes_what_runs_and_refuses_what_comes() -> None:
    gated = Gated()
    async with serving(load=Models(gated)) as served:
        model = await served.load()
        running = asyncio.create_task(served.answer(asking(model, max_tokens=6)))
        await served.until(lambda stats: stats.models[0].running == 1)
        draining = asyncio.create_task(served.engine.drain(LIMIT))
        await served.until(lambda stats: stats.draining)
        with pytest.raises(Unavailable):
            await served.answer(asking(model))
        gated.permits.release(6)
        assert (await running).finish.usage.completion_tokens == 6
        assert await draining


async def test_what_does_not_finish_in_time_ends_as_unavailable() -> None:
    gated = Gated()
    async with serving(load=Models(gated)) as served:
        model = await served.load()
        running = asyncio.create_task(served.answer(asking(model, max_tokens=80)))
        await served.until(lambda stats: stats.models[0].running == 1)
        assert not await served.engine.drain(0.01)
        closing = asyncio.create_task(served.engine.close())
        async with asyncio.timeout(LIMIT):
            while not served.core.stopped:
                await served.stats()
        gated.permits.release(2)
        with pytest.raises(Unavailable):
            await running
        await closing


async def test_metrics_count_what_happened(served: Served) -> None:
    model = await served.load()
    await served.answer(asking(model, max_tokens=7))
    with pytest.raises(ColonnadeError):
        await served.answer(asking(model, "x" * 96))

    def value(name: str, **labels: str) -> float | None:
        found: float | None = served.registry.get_sample_value(name, labels)
        return found

    name = "autoregressive"
    assert value("colonnade_engine_requests_total", model=name, outcome="length") == 1
    assert value("colonnade_engine_requests_total", model=name, outcome="invalid_argument") == 1
    assert value("colonnade_engine_tokens_total", model=name, kind="completion") == 7
    assert value("colonnade_engine_tokens_total", model=name, kind="prompt") == 5
    assert value("colonnade_engine_batch_sequences_count") == 7
    assert value("colonnade_engine_cache_bytes") == 0
    assert value("colonnade_engine_queue_requests") == 0
    assert (value("colonnade_engine_models_bytes") or 0) > 0
    labels = {
        "gen_ai_operation_name": "text_completion",
        "gen_ai_provider_name": "colonnade",
        "gen_ai_request_model": name,
    }
    assert value("gen_ai_server_time_to_first_token_seconds_count", **labels) == 1
    assert value("gen_ai_server_time_per_output_token_seconds_count", **labels) == 1


async def test_metrics_count_who_left_before_the_end() -> None:
    gated = Gated()
    async with serving(load=Models(gated)) as served:
        model = await served.load()
        running = asyncio.create_task(served.answer(asking(model, max_tokens=80)))
        gated.permits.release(4)
        await served.until(lambda stats: stats.models[0].running == 1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await served.until(lambda stats: stats.models[0].running == 0)
        gated.permits.release(2)

        def value(name: str, **labels: str) -> float | None:
            found: float | None = served.registry.get_sample_value(name, labels)
            return found

        assert value("colonnade_engine_requests_total", model=model.name, outcome="cancelled") == 1
        assert value("colonnade_engine_tokens_total", model=model.name, kind="prompt") == 5
        assert (
            value(
                "gen_ai_server_request_duration_seconds_count",
                gen_ai_operation_name="text_completion",
                gen_ai_provider_name="colonnade",
                gen_ai_request_model=model.name,
                error_type="cancelled",
            )
            == 1
        )
