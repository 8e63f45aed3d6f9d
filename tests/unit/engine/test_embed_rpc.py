"""Embedding and scoring over gRPC: one process, a real socket, real errors."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import torch

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.engine.scheduler import Limits
from colonnade.engine.whole import in_order
from colonnade.errors import (
    Cancelled,
    ColonnadeError,
    DeadlineExceeded,
    InvalidArgument,
    Overloaded,
    Unsupported,
)
from tests.unit.engine.embedded import plainly, shared_runtime
from tests.unit.engine.served import LIMIT, Served, asking, serving


@pytest.fixture(autouse=True)
async def _limit() -> AsyncGenerator[None, None]:
    async with asyncio.timeout(LIMIT):
        yield


@pytest.fixture
async def served() -> AsyncGenerator[Served, None]:
    async with serving() as started:
        yield started


async def embed(served: Served, model: Any, *texts: str, **more: Any) -> pb.EmbedResponse:
    timeout = more.pop("timeout", None)
    request = pb.EmbedRequest(model=model, texts=texts, **more)
    return await served.call("Embed", request, pb.EmbedResponse, timeout=timeout)


async def score(served: Served, model: Any, **fields: Any) -> pb.ScoreResponse:
    return await served.call("Score", pb.ScoreRequest(model=model, **fields), pb.ScoreResponse)


class Stuck:
    """Holds the core's thread between two forwards, but nobody on this thread's event loop."""

    def __init__(self, served: Served) -> None:
        self._core = served.core

    def __enter__(self) -> None:
        self._core._changed.acquire()

    def __exit__(self, *_: object) -> None:
        self._core._changed.release()


@pytest.mark.parametrize("family", ["encoder", "transformer"])
async def test_vectors_arrive_in_the_order_of_the_texts(served: Served, family: str) -> None:
    model = await served.load(family)
    texts = [f"text {number}" for number in range(150)]
    answer = await embed(served, model, *texts)
    assert answer.model == model
    assert answer.prompt_tokens == sum(map(len, texts))
    for text, embedding in list(zip(texts, answer.embeddings, strict=True))[::17]:
        expected = plainly(shared_runtime(family), text)
        torch.testing.assert_close(torch.tensor(list(embedding.values)), expected, atol=1e-6, rtol=1e-5)


async def test_calls_are_batched_together(served: Served) -> None:
    model = await served.load("encoder")
    with Stuck(served):
        calls = [asyncio.create_task(embed(served, model, f"a {n}", f"b {n}")) for n in range(8)]
        await _waiting(served, 16)
    await asyncio.gather(*calls)
    sizes = served.registry.get_sample_value("colonnade_engine_batch_sequences_sum")
    forwards = served.registry.get_sample_value("colonnade_engine_batch_sequences_count")
    assert (sizes, forwards) == (16, 1)


async def test_generating_goes_on_beside_a_large_call(served: Served) -> None:
    model = await served.load("transformer")
    alone = await served.answer(asking(model))
    many, beside = await asyncio.gather(
        embed(served, model, *["some text"] * 300), served.answer(asking(model))
    )
    assert beside.text == alone.text
    assert len(many.embeddings) == 300


async def test_calls_are_counted(served: Served) -> None:
    model = await served.load("encoder")
    await embed(served, model, "abc", "de")
    with pytest.raises(InvalidArgument):
        await embed(served, model)
    value = served.registry.get_sample_value
    assert value("colonnade_engine_tokens_total", {"model": "encoder", "kind": "prompt"}) == 5
    for outcome in ("stop", "invalid_argument"):
        assert value("colonnade_engine_requests_total", {"model": "encoder", "outcome": outcome}) == 1


async def test_a_long_text_is_refused_or_cut(served: Served) -> None:
    model = await served.load("encoder")
    with pytest.raises(InvalidArgument) as refusal:
        await embed(served, model, "x" * 65)
    assert refusal.value.details["field"] == "input[0]"
    assert (await embed(served, model, "x" * 65, truncate=True)).prompt_tokens == 64


async def test_what_a_model_cannot_do_is_named(served: Served) -> None:
    encoder, plain = await served.load("encoder"), await served.load("autoregressive")
    calls: list[tuple[Any, str]] = [
        (embed(served, plain, "a"), "embed"),
        (score(served, encoder, text="a"), "score"),
        (served.answer(asking(encoder)), "generate"),
    ]
    for call, capability in calls:
        with pytest.raises(Unsupported) as refusal:
            await call
        assert refusal.value.details["capability"] == capability


async def _waiting(served: Served, count: int) -> None:
    await served.until(lambda stats: stats.models[0].waiting >= count)


async def _idle(served: Served) -> None:
    await served.until(lambda stats: not any(each.running + each.waiting for each in stats.models))


async def test_a_deadline_ends_the_call(served: Served) -> None:
    model = await served.load("encoder")
    with Stuck(served):
        call = asyncio.create_task(embed(served, model, "a", "b", timeout=0.2))
        await _waiting(served, 2)
        await asyncio.wait([call])
    with pytest.raises(DeadlineExceeded):
        await call
    await _idle(served)


async def test_leaving_frees_everything(served: Served) -> None:
    model = await served.load("encoder")
    with Stuck(served):
        call = asyncio.create_task(embed(served, model, *["some text"] * 200))
        await _waiting(served, 64)
        call.cancel()
        await asyncio.wait([call])
    await _idle(served)
    assert len((await embed(served, model, "a")).embeddings) == 1


async def test_an_abort_ends_all_texts_of_a_call(served: Served) -> None:
    model = await served.load("encoder")
    with Stuck(served):
        call = asyncio.create_task(embed(served, model, "a", "b"))
        await _waiting(served, 2)
        first = served.core.scheduler.waiting[0].work
        assert served.engine.abort(first.tenant, first.request_id)
    with pytest.raises(Cancelled):
        await call


async def test_a_full_queue_refuses_the_call() -> None:
    async with serving(Limits(queue_capacity=3)) as served:
        model = await served.load("encoder")
        with Stuck(served), pytest.raises(Overloaded):
            await embed(served, model, *"abcdef")
        await _idle(served)


async def test_several_texts_are_scored_after_one_context(served: Served) -> None:
    model = await served.load("transformer")
    context, texts = "a context that is longer than a page", ["one", "two", "three and more"]
    together = await score(served, model, context=context, texts=texts)
    for text, scored in zip(texts, together.scores, strict=True):
        alone = await score(served, model, context=context, text=text)
        assert len(scored.tokens) == len(text)
        assert [token.id for token in alone.tokens] == [token.id for token in scored.tokens]
        assert scored.total_logprob == pytest.approx(alone.total_logprob, abs=1e-4)
        assert scored.total_logprob == pytest.approx(sum(t.logprob for t in scored.tokens), abs=1e-4)
        assert alone.scores[0].total_logprob == alone.total_logprob
    assert together.prompt_tokens == sum(len(context) + len(text) for text in texts)
    with pytest.raises(InvalidArgument) as refusal:
        await score(served, model, context=context, texts=["a", ""])
    assert refusal.value.details["field"] == "text[1]"


async def test_at_most_so_many_are_under_way() -> None:
    running, most = 0, 0

    async def one(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number * number

    assert await in_order(one, 20, 4) == [number * number for number in range(20)]
    assert most == 4
    assert await in_order(one, 0, 4) == []


async def test_one_failure_ends_them_all() -> None:
    ended = []

    async def one(number: int) -> None:
        try:
            await asyncio.Event().wait() if number else await asyncio.sleep(0)
            raise ColonnadeError("on purpose")
        finally:
            ended.append(number)

    with pytest.raises(ColonnadeError, match="on purpose"):
        await in_order(one, 5, 3)
    assert sorted(ended) == [0, 1, 2]
