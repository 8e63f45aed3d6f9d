"""A request's phases as spans below the one of its call, told when it ends."""

import time

from opentelemetry import trace
from opentelemetry.trace import Span

from colonnade.engine.sequence import Finish
from colonnade.telemetry import traces

_NANOSECONDS = 1_000_000_000


def phases(parent: Span, finish: Finish) -> None:
    """Adds queue, prefill and decode, which end now, and what the answer took."""
    parent.set_attribute("gen_ai.usage.input_tokens", finish.prompt_tokens)
    parent.set_attribute("gen_ai.usage.output_tokens", finish.completion_tokens)
    parent.set_attribute("gen_ai.response.finish_reasons", (finish.reason.value,))
    context = trace.set_span_in_context(parent)
    durations = (
        ("engine.queue", finish.queue_seconds),
        ("engine.prefill", finish.prefill_seconds),
        ("engine.decode", finish.decode_seconds),
    )
    start = time.time_ns() - round(sum(seconds for _, seconds in durations) * _NANOSECONDS)
    for name, seconds in durations:
        end = start + round(seconds * _NANOSECONDS)
        traces.tracer().start_span(name, context, start_time=start).end(end)
        start = end
