from itertools import pairwise

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from colonnade.telemetry import traces
from tests.unit.engine.served import asking, serving


def _seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


async def test_a_request_is_one_span_with_its_phases_below() -> None:
    seen = InMemorySpanExporter()
    traces.configure("engine", "").add_span_processor(SimpleSpanProcessor(seen))
    try:
        async with serving() as served:
            await served.answer(asking(await served.load(), max_tokens=3))
    finally:
        traces.shutdown(5.0)
    spans = {span.name: span for span in seen.get_finished_spans()}
    submit = spans["engine.submit"]
    phases = [spans[f"engine.{name}"] for name in ("queue", "prefill", "decode")]
    for phase in phases:
        assert phase.parent is not None
        assert submit.context is not None
        assert phase.parent.span_id == submit.context.span_id
    for before, after in pairwise(phases):
        assert before.end_time == after.start_time
    assert submit.attributes is not None
    assert submit.attributes["gen_ai.usage.output_tokens"] == 3
    assert submit.attributes["gen_ai.response.finish_reasons"] == ("length",)
    total = sum((phase.end_time or 0) - (phase.start_time or 0) for phase in phases)
    assert total / 1e9 == pytest.approx(
        (submit.end_time or 0) / 1e9 - (submit.start_time or 0) / 1e9, abs=0.5
    )
