"""Answers that are collected: nothing of what came is lost, whatever ends them."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.api.generation.v1.generation_pb2 import (
    FINISH_REASON_STOP,
    Chunk,
    Finish,
    ModelRef,
    Token,
    Usage,
)
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.errors import DeadlineExceeded, Overloaded, Unavailable
from colonnade.inference.whole import Parts, collected, for_at_most
from colonnade.rpc import CallContext, bound, current
from colonnade.security.identity import Principal

CALL = CallContext(Principal.service("gateway"), "token", "request-7", deadline=None)
TEXTS = st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=5), min_size=1, max_size=4)


def response(text: str, index: int = 0, *, end: int | None = None) -> wire.GenerateResponse:
    chunk = Chunk(text=text, index=index, tokens=[Token(id=1, text=text, logprob=-0.5)])
    if end is not None:
        chunk.finish.CopyFrom(Finish(reason=FINISH_REASON_STOP, usage=Usage(completion_tokens=end)))
    return wire.GenerateResponse(chunk=chunk)


async def told(
    responses: Sequence[wire.GenerateResponse], error: Exception | None = None, hang: bool = False
) -> AsyncGenerator[wire.GenerateResponse]:
    for each in responses:
        yield each
    if hang:
        await asyncio.Event().wait()
    if error is not None:
        raise error


@given(TEXTS, st.booleans())
def test_answers_that_come_mixed_are_put_together_each_for_itself(
    answers: list[list[str]], listed: bool
) -> None:
    parts = Parts(listed=listed)
    for step, texts in enumerate(zip_longest(*answers)):
        for index, text in enumerate(texts):
            if text is not None:
                end = len(answers[index]) if step == len(answers[index]) - 1 else None
                parts.add(response(text, index, end=end))
    found = parts.all()
    assert {part.chunk.index: part.chunk.text for part in found} == {
        index: "".join(texts) for index, texts in enumerate(answers)
    }
    for part in found:
        count = len(answers[part.chunk.index])
        assert (len(part.chunk.tokens), part.unlisted_tokens) == ((count, 0) if listed else (0, count))
        assert part.chunk.finish.usage.completion_tokens == count
    lengths = [len(answers[part.chunk.index]) for part in found]
    assert lengths == sorted(lengths), "in the order in which they ended"


async def test_what_the_first_and_the_last_message_say_besides_is_kept() -> None:
    first, last = response("a"), response("b", end=2)
    first.fallback.CopyFrom(ModelRef(name="other"))
    first.cached.CopyFrom(wire.Cached(kind=wire.Cached.KIND_JOINED, age_seconds=2))
    last.cached.CopyFrom(wire.Cached(kind=wire.Cached.KIND_JOINED, generated_completion_tokens=2))
    [part] = (await collected(told([first, last]), listed=False, seconds=0)).parts
    assert part.fallback == ModelRef(name="other")
    assert (part.cached.age_seconds, part.cached.generated_completion_tokens) == (2, 2)


async def test_a_refusal_before_anything_came_is_raised() -> None:
    with pytest.raises(Overloaded):
        await collected(told([], Overloaded("full")), listed=False, seconds=0)


async def test_what_came_before_an_engine_died_is_told_with_the_fault() -> None:
    came = [response("a"), response("b", 1, end=1), response("c")]
    error = Unavailable("the engine stopped", retry_after_seconds=1)
    answer = await collected(told(came, error), listed=False, seconds=0)
    assert [(part.chunk.text, part.unlisted_tokens) for part in answer.parts] == [("b", 1), ("ac", 2)]
    assert [part.chunk.HasField("finish") for part in answer.parts] == [True, False]
    assert (answer.fault.code, answer.fault.message) == ("unavailable", "the engine stopped")
    assert json.loads(answer.fault.details) == {"retry_after_seconds": 1}


async def test_what_came_before_the_time_was_up_is_told_with_the_fault() -> None:
    answer = await collected(told([response("a")], hang=True), listed=False, seconds=0.01)
    assert [part.chunk.text for part in answer.parts] == ["a"]
    assert answer.fault.code == "deadline_exceeded"
    with pytest.raises(DeadlineExceeded, match="seconds"):
        await collected(told([], hang=True), listed=False, seconds=0.01)


def test_the_sooner_deadline_counts() -> None:
    now = time.monotonic()
    with bound(CallContext(CALL.principal, CALL.token, CALL.request_id, now + 5)):
        with for_at_most(60) as call:
            assert call.deadline == now + 5
        with for_at_most(1) as call:
            assert call is current()
            assert call.deadline is not None
            assert call.deadline < now + 5
        assert current().deadline == now + 5
        with for_at_most(0) as call:
            assert call.deadline == now + 5
    with bound(CALL), for_at_most(0) as call:
        assert call.deadline is None
