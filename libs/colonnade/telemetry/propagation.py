"""W3C trace context over any carrier of name and value pairs (gRPC metadata, HTTP headers), and spans.

Baggage is not propagated: it would carry what a stranger wrote through every service.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from colonnade.errors import ColonnadeError
from colonnade.telemetry import traces
from colonnade.telemetry.redaction import redact_text

Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]

_W3C = TraceContextTextMapPropagator()
_MAX_HEADER = 512


def inject() -> list[tuple[str, str]]:
    """The current trace as pairs to add to outgoing metadata or headers; empty outside a trace."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return list(carrier.items())


def extract(metadata: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> Context:
    """The caller's trace out of incoming pairs; an empty context when there is none or it is malformed."""
    carrier: dict[str, str] = {}
    pairs = metadata.items() if isinstance(metadata, Mapping) else metadata or ()
    for name, value in pairs:
        if name.lower() in _W3C.fields and isinstance(value, str) and len(value) <= _MAX_HEADER:
            carrier.setdefault(name.lower(), value)
    return _W3C.extract(carrier, Context())


@contextmanager
def span(
    name: str,
    kind: Kind | SpanKind = "internal",
    context: Context | None = None,
    attributes: Mapping[str, AttributeValue | None] | None = None,
    **more: AttributeValue | None,
) -> Iterator[Span]:
    """Runs the block inside a span, as a child of ``context`` or else of the current span.

    Attributes are given by keyword, or in ``attributes`` where their names have dots; None is left out.
    An exception marks the span as failed, with its class or code but no traceback; cancellation does not.
    """
    if context is None and (outer := traces.unseen_parent()) is not None:
        yield outer  # nobody will see it, and its trace is known: one more id would tell nothing
        return
    parent = contexts.get_current() if context is None else context
    kind = SpanKind[kind.upper()] if isinstance(kind, str) else kind
    known = {key: value for key, value in {**(attributes or {}), **more}.items() if value is not None}
    started = traces.tracer().start_span(name, parent, kind, known)
    former = contexts.get_current()
    # Attach the former context again rather than detach: a generator may be closed by another task.
    contexts.attach(trace.set_span_in_context(started, parent))
    try:
        yield started
    except Exception as error:
        _mark_failed(started, error)
        raise
    finally:
        contexts.attach(former)
        started.end()


def _mark_failed(failed: Span, error: Exception) -> None:
    """An ``error.type`` that the block itself has set is kept: it knows better than the exception's class."""
    kind, message = type(error).__qualname__, None
    if isinstance(error, ColonnadeError):
        kind, message = error.code.value, redact_text(error.message)
    failed.set_status(Status(StatusCode.ERROR, message))
    if "error.type" not in (getattr(failed, "attributes", None) or {}):
        failed.set_attribute("error.type", kind)
