"""What accompanies a call: request id, trace, deadline, cancellation."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest

from colonnade.api.engine.v1 import engine_pb2 as engine
from colonnade.api.engine.v1.engine_pb2_grpc import EngineServiceStub
from colonnade.api.generation.v1.generation_pb2 import Generation
from colonnade.errors import DeadlineExceeded
from colonnade.rpc import CallContext, Identity, Peer, bound, current, current_or_none
from colonnade.security.identity import Principal, Role
from colonnade.telemetry import setup, shutdown, span
from tests.unit.rpc.subject import Subject

CALLER = Principal("acme", "ann", frozenset({Role.CALLER}))


@pytest.fixture
def stub(peer: Peer) -> EngineServiceStub:
    return EngineServiceStub(peer.channel)


@pytest.fixture
def tracing() -> Iterator[None]:
    setup("test")
    yield
    shutdown()


def call(identity: Identity, deadline: float | None = None) -> CallContext:
    return CallContext(CALLER, identity.token(CALLER), "request-1", deadline)


async def _stats(peer: Peer, stub: EngineServiceStub, timeout: float | None = None) -> None:  # noqa: ASYNC109
    await peer.unary(stub.Stats, engine.StatsRequest(), engine.StatsResponse, timeout=timeout)


def _submit(peer: Peer, stub: EngineServiceStub, prompt: str = "") -> AsyncGenerator[engine.SubmitResponse]:
    request = engine.SubmitRequest(generation=Generation(prompt=prompt))
    return peer.stream(stub.Submit, request, engine.SubmitResponse)


async def test_the_request_id_goes_along(
    peer: Peer, stub: EngineServiceStub, subject: Subject, identity: Identity
) -> None:
    with bound(call(identity)):
        await _stats(peer, stub)
    assert subject.calls[0].request_id == "request-1"
    assert subject.request_ids == ["request-1"]


async def test_a_call_without_an_id_gets_one_of_its_own(
    peer: Peer, stub: EngineServiceStub, subject: Subject
) -> None:
    await _stats(peer, stub)
    await _stats(peer, stub)
    first, second = subject.request_ids
    assert first != second
    assert len(first) == 32


async def test_the_trace_goes_along(
    peer: Peer, stub: EngineServiceStub, subject: Subject, tracing: None
) -> None:
    with span("outer") as outer:
        await _stats(peer, stub)
    version, trace_id, parent, _flags = subject.traceparents[0].split("-")
    assert version == "00"
    assert int(trace_id, 16) == outer.get_span_context().trace_id
    assert int(parent, 16) != 0


async def test_outside_a_trace_the_calls_span_begins_one(
    peer: Peer, stub: EngineServiceStub, subject: Subject, tracing: None
) -> None:
    await _stats(peer, stub)
    await _stats(peer, stub)
    assert len({line.split("-")[1] for line in subject.traceparents}) == 2


async def test_a_deadline_goes_along_and_only_shrinks(
    peer: Peer, stub: EngineServiceStub, subject: Subject, identity: Identity
) -> None:
    now = time.monotonic()
    with bound(call(identity, deadline=now + 50)):
        await _stats(peer, stub)
        await _stats(peer, stub, timeout=20)
        await _stats(peer, stub, timeout=500)
    limits = [seen.deadline - now for seen in subject.calls if seen.deadline is not None]
    assert limits == [pytest.approx(50, abs=3), pytest.approx(20, abs=3), pytest.approx(50, abs=3)]


async def test_without_a_deadline_there_is_none(
    peer: Peer, stub: EngineServiceStub, subject: Subject
) -> None:
    await _stats(peer, stub)
    assert subject.calls[0].deadline is None
    assert subject.calls[0].remaining() is None


async def test_as_service_is_not_bound_by_the_callers_deadline(
    peer: Peer, stub: EngineServiceStub, subject: Subject, identity: Identity
) -> None:
    with bound(call(identity, deadline=time.monotonic() + 50)):
        await peer.unary(stub.Stats, engine.StatsRequest(), engine.StatsResponse, as_service=True)
    assert subject.calls[0].deadline is None
    assert subject.calls[0].request_id == "request-1"


async def test_a_passed_deadline_ends_both_sides(
    peer: Peer, stub: EngineServiceStub, subject: Subject
) -> None:
    with pytest.raises(DeadlineExceeded, match="engine"):
        await peer.unary(stub.Embed, engine.EmbedRequest(), engine.EmbedResponse, timeout=0.2)
    await subject.ended.wait()


@pytest.mark.parametrize("prompt", ["pauses", "flood"])
async def test_leaving_a_stream_cancels_the_servicer(
    peer: Peer, stub: EngineServiceStub, subject: Subject, identity: Identity, prompt: str
) -> None:
    with bound(call(identity)):
        async with aclosing(_submit(peer, stub, prompt)) as responses:
            assert (await anext(responses)).chunk.text == "a"
            await subject.streaming.wait()
    await subject.ended.wait()
    assert subject.context_kept


@pytest.mark.parametrize("prompt", ["pauses", "flood"])
async def test_cancelling_the_task_that_reads_cancels_the_servicer(
    peer: Peer, stub: EngineServiceStub, subject: Subject, prompt: str
) -> None:
    async def read() -> None:
        async for _ in _submit(peer, stub, prompt):
            if prompt == "flood":
                await subject.ended.wait()  # never read on: flow control holds the servicer in its send

    task = asyncio.create_task(read())
    await subject.streaming.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await subject.ended.wait()
    assert subject.context_kept


async def test_cancelling_a_unary_call_cancels_the_servicer(
    peer: Peer, stub: EngineServiceStub, subject: Subject
) -> None:
    task = asyncio.create_task(peer.unary(stub.Embed, engine.EmbedRequest(), engine.EmbedResponse))
    await subject.streaming.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await subject.ended.wait()


def test_in_the_background_there_is_no_call() -> None:
    assert current_or_none() is None
    with pytest.raises(LookupError):
        current()


async def test_a_generator_closed_by_another_task_puts_the_call_back(identity: Identity) -> None:
    async def inside() -> AsyncGenerator[None]:
        with bound(call(identity)):
            yield

    generator = inside()
    await asyncio.create_task(anext(generator))
    await generator.aclose()
    assert current_or_none() is None
