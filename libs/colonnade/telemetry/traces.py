"""Where spans go: nowhere by default, through OTLP when an endpoint is set."""

import threading
import uuid
from importlib import metadata

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

_EXPORT_SECONDS = 5
_provider: TracerProvider | None = None
_configured: tuple[str, str] | None = None
_lock = threading.Lock()


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
    global _provider, _configured
    with _lock:
        if _provider is not None and _configured == (service, otlp_endpoint):
            return _provider
        if _provider is not None:
            _close(_provider, _EXPORT_SECONDS)
        _provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        _configured = (service, otlp_endpoint)
        if otlp_endpoint:
            _provider.add_span_processor(BatchSpanProcessor(_exporter(otlp_endpoint)))
        return _provider


def tracer() -> trace.Tracer:
    """The tracer of this process; one that does nothing before ``configure``."""
    provider = _provider
    return (provider or trace.NoOpTracerProvider()).get_tracer("colonnade", version())


def shutdown(seconds: float) -> bool:
    """Sends what is waiting, for at most ``seconds``; whether all of it went. Safe to call twice."""
    global _provider, _configured
    with _lock:
        provider, _provider, _configured = _provider, None, None
    return provider is None or _close(provider, seconds)


def _close(provider: TracerProvider, seconds: float) -> bool:
    # The exporter retries a collector that is away for longer than we may wait, hence the thread.
    closing = threading.Thread(target=provider.shutdown, name="close-traces", daemon=True)
    closing.start()
    closing.join(seconds)
    return not closing.is_alive()


def _resource(service: str) -> Resource:
    return Resource.create(
        {
            "service.name": service,
            "service.namespace": "colonnade",
            "service.version": version(),
            "service.instance.id": str(uuid.uuid4()),
        }
    )


def _exporter(endpoint: str) -> SpanExporter:
    # Imported only where it is used: it brings all of gRPC.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(
        endpoint=endpoint, insecure=not endpoint.startswith("https://"), timeout=_EXPORT_SECONDS
    )
