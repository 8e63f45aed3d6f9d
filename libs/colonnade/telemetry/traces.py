"""Where spans go: nowhere by default, through OTLP when an endpoint is set."""

import threading
import uuid
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_EXPORT_SECONDS = 5
_ABORT_SECONDS = 1
_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_IDS = RandomIdGenerator()
_provider: TracerProvider | None = None
_tracer: trace.Tracer = trace.NoOpTracer()
_exporter: "_Exporter | None" = None
_configured: tuple[str, str] | None = None
_lock = threading.Lock()


@cache  # else every span would read it from the disk
def version() -> str:
    """The installed version of the platform."""
    try:
        return metadata.version("colonnade")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def configure(service: str, otlp_endpoint: str) -> TracerProvider:
    """The provider of this process. Only an endpoint starts a thread; spans have ids either way.

    Another service name or endpoint than before replaces the provider, after the old one was closed.
    """
    global _provider, _tracer, _exporter, _configured
    with _lock:
        if _provider is not None and _configured == (service, otlp_endpoint):
            return _provider
        if _provider is not None:
            _close(_provider, _exporter, _EXPORT_SECONDS)
        _provider, _tracer = _Provider(resource=_resource(service), shutdown_on_exit=False), _Unseen()
        _configured = (service, otlp_endpoint)
        _exporter = _Exporter(otlp_endpoint) if otlp_endpoint else None
        if _exporter is not None:
            _provider.add_span_processor(BatchSpanProcessor(_exporter))
        return _provider


def tracer() -> trace.Tracer:
    """The tracer of this process; one that does nothing before ``configure``."""
    return _tracer


def unseen_parent() -> trace.Span | None:
    """The span that stands for those inside it, where spans go nowhere; None where each needs its own."""
    if not isinstance(_tracer, _Unseen):
        return None
    current = trace.get_current_span()
    return current if current.get_span_context().is_valid else None


def shutdown(seconds: float) -> bool:
    """Sends what is waiting, for at most ``seconds``; whether all of it went. Safe to call twice."""
    global _provider, _tracer, _exporter, _configured
    with _lock:
        provider, exporter = _provider, _exporter
        _provider = _exporter = _configured = None
        _tracer = trace.NoOpTracer()
    return provider is None or _close(provider, exporter, seconds)


class _Provider(TracerProvider):
    """Spans are recorded from the first processor on."""

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        global _tracer
        super().add_span_processor(span_processor)
        _tracer = self.get_tracer("colonnade", version())


class _Unseen(trace.NoOpTracer):
    """Spans that go nowhere: no more of them than the ids, which logs show and other services follow."""

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> trace.Span:
        parent = trace.get_current_span(context).get_span_context()
        known = parent.is_valid
        return trace.NonRecordingSpan(
            trace.SpanContext(
                parent.trace_id if known else _IDS.generate_trace_id(),
                _IDS.generate_span_id(),
                is_remote=False,
                trace_flags=parent.trace_flags if known else _SAMPLED,
                trace_state=parent.trace_state,
            )
        )


def _close(provider: TracerProvider, exporter: "_Exporter | None", seconds: float) -> bool:
    """Waits in a thread, since the exporter tries a collector that is away for longer than we may wait."""
    closing = threading.Thread(target=provider.shutdown, name="close-traces", daemon=True)
    closing.start()
    closing.join(seconds)
    if not closing.is_alive():
        return True
    if exporter is not None:
        exporter.shutdown()
        closing.join(_ABORT_SECONDS)
    return False


def _resource(service: str) -> Resource:
    return Resource.create(
        {
            "service.name": service,
            "service.namespace": "colonnade",
            "service.version": version(),
            "service.instance.id": str(uuid.uuid4()),
        }
    )


class _Exporter(SpanExporter):
    """OTLP over gRPC, which may be shut down twice: once to break a hanging export off, once by its owner."""

    def __init__(self, endpoint: str) -> None:
        # Imported only where it is used: it brings all of gRPC.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        self._inner = OTLPSpanExporter(
            endpoint=endpoint, insecure=not endpoint.startswith("https://"), timeout=_EXPORT_SECONDS
        )
        self._is_shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export(spans)

    def shutdown(self) -> None:
        if not self._is_shut:
            self._is_shut = True
            self._inner.shutdown()
