"""Trace context in and out of metadata, and spans."""

import asyncio
import contextvars
from collections.abc import AsyncIterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from colonnade.errors import NotFound
from colonnade.telemetry import extract, inject, span

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = int("0af7651916cd43dd8448eb211c80319c", 16)


def test_nothing_is_injected_outside_a_trace(spans: InMemorySpanExporter) -> None:
    assert inject() == []


def test_a_trace_survives_the_wire(spans: InMemorySpanExporter) -> None:
    with span("caller", "client"):
        metadata = inject()
    with span("callee", "server", extract(metadata)):
        pass
    caller, callee = spans.get_finished_spans()
    assert callee.context.trace_id == caller.context.trace_id
    assert callee.parent is not None
    assert callee.parent.span_id == caller.context.span_id
    assert (caller.kind, callee.kind) == (SpanKind.CLIENT, SpanKind.SERVER)


@pytest.mark.parametrize(
    "metadata",
    [
        [("traceparent", PARENT)],
        [("Traceparent", PARENT)],
        {"traceparent": PARENT, "grpc-trace-bin": b"\x00"},
        [("traceparent", PARENT), ("traceparent", PARENT.replace("0af", "fff"))],
    ],
)
def test_the_first_traceparent_counts_in_any_carrier(metadata: object) -> None:
    context = extract(metadata)  # type: ignore[arg-type]
    assert trace.get_current_span(context).get_span_context().trace_id == TRACE_ID


@pytest.mark.parametrize(
    "value",
    ["", "x", "00-0-0-0", PARENT.upper(), b"\xff", PARENT + "0" * 600, "00-" + "0" * 32 + "-" + "0" * 16],
)
def test_a_malformed_traceparent_is_ignored(value: str | bytes) -> None:
    context = extract([("traceparent", value)])
    assert not trace.get_current_span(context).get_span_context().is_valid


def test_extract_takes_no_metadata() -> None:
    assert not extract(None)


def test_extract_does_not_inherit_the_current_span(spans: InMemorySpanExporter) -> None:
    with span("current"):
        assert not trace.get_current_span(extract([])).get_span_context().is_valid


def test_baggage_is_not_passed_on(spans: InMemorySpanExporter) -> None:
    with span("callee", context=extract([("traceparent", PARENT), ("baggage", "user=alice")])):
        assert [name for name, _ in inject()] == ["traceparent"]


def test_attributes_without_a_value_are_left_out(spans: InMemorySpanExporter) -> None:
    with span("work", model="m", tenant=None, attributes={"rpc.method": "Get", "rpc.x": None}):
        pass
    assert dict(spans.get_finished_spans()[0].attributes or {}) == {"model": "m", "rpc.method": "Get"}


def test_a_refusal_marks_the_span_with_its_code_and_no_secret(spans: InMemorySpanExporter) -> None:
    with pytest.raises(NotFound), span("work"):
        raise NotFound("no key ck_abc_topsecret here")
    (failed,) = spans.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "no key ck_abc_[redacted] here"
    assert (failed.attributes or {})["error.type"] == "not_found"
    assert failed.events == ()


def test_any_other_exception_marks_the_span_with_its_class_only(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), span("work"):
        raise ValueError("a secret")
    (failed,) = spans.get_finished_spans()
    assert (failed.attributes or {})["error.type"] == "ValueError"
    assert failed.status.description is None


def test_the_error_type_that_the_block_has_set_is_kept(spans: InMemorySpanExporter) -> None:
    def abort() -> None:
        with span("work") as active:
            active.set_attribute("error.type", "overloaded")
            raise ValueError("abort")

    with pytest.raises(ValueError, match="abort"):
        abort()
    assert (spans.get_finished_spans()[0].attributes or {})["error.type"] == "overloaded"


def test_cancellation_is_not_a_failure(spans: InMemorySpanExporter) -> None:
    with pytest.raises(asyncio.CancelledError), span("work"):
        raise asyncio.CancelledError
    assert spans.get_finished_spans()[0].status.status_code is StatusCode.UNSET


async def test_a_generator_closed_in_another_context_ends_its_span_quietly(
    spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    async def stream() -> AsyncIterator[int]:
        with span("stream"):
            yield 1
            yield 2

    generator = stream()
    await contextvars.copy_context().run(asyncio.ensure_future, anext(generator))
    await asyncio.create_task(generator.aclose())  # type: ignore[attr-defined]
    assert [ended.name for ended in spans.get_finished_spans()] == ["stream"]
    assert caplog.records == []
