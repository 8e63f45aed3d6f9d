"""A real OTLP endpoint that keeps the spans it is sent."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class SpanRecord:
    """One finished span; times in seconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start: float
    end: float
    attributes: dict[str, Any] = field(default_factory=dict)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.spans: list[SpanRecord] = []

    def Export(self, request: Any, context: Any) -> Any:
        for resource in request.resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_record(span, attributes.get("service.name", "")) for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def trace_of(self, name: str) -> list[SpanRecord]:
        """All spans of the newest trace that has a span called ``name``, by start."""
        ids = [span.trace_id for span in self.spans if span.name == name]
        return sorted((s for s in self.spans if ids and s.trace_id == ids[-1]), key=lambda s: s.start)


def _record(span: Any, service: str) -> SpanRecord:
    values = {a.key: getattr(a.value, a.value.WhichOneof("value") or "string_value") for a in span.attributes}
    return SpanRecord(
        span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), service, span.name,
        span.start_time_unix_nano / 1e9, span.end_time_unix_nano / 1e9, values,
    )  # fmt: skip


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector on loopback and its endpoint for COLONNADE_OTLP_ENDPOINT."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    collector = Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
