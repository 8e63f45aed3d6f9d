"""Set up and shut down: what runs, what leaves, how long it takes."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs

from colonnade.telemetry import inject, setup, shutdown, span, traces

pytestmark = pytest.mark.usefixtures("logging_restored")


class Collector(stubs.TraceServiceServicer):
    def __init__(self) -> None:
        self.requests: list[pb.ExportTraceServiceRequest] = []

    def Export(self, request: pb.ExportTraceServiceRequest, context: object) -> pb.ExportTraceServiceResponse:
        self.requests.append(request)
        return pb.ExportTraceServiceResponse()


@pytest.fixture
def collector() -> Iterator[tuple[Collector, int]]:
    servicer = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    stubs.add_TraceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, port
    server.stop(None).wait(10)


def test_without_an_endpoint_no_thread_is_started_yet_traces_have_ids() -> None:
    before = set(threading.enumerate())
    setup("engine")
    with span("work"):
        assert inject()
    assert set(threading.enumerate()) == before
    assert shutdown()


def test_before_setup_and_after_shutdown_spans_cost_nothing() -> None:
    shutdown()
    with span("work") as nothing:
        assert not nothing.is_recording()
        assert inject() == []


def test_setup_is_idempotent() -> None:
    setup("engine")
    first = traces.configure("engine", "")
    setup("engine", log_level="debug")
    assert traces.configure("engine", "") is first
    setup("registry")
    assert traces.configure("registry", "") is not first


def test_shutdown_sends_what_waits(collector: tuple[Collector, int]) -> None:
    servicer, port = collector
    setup("engine", otlp_endpoint=f"http://127.0.0.1:{port}")
    with span("work", model="m"):
        pass
    assert shutdown(10)
    (resource,) = [group for request in servicer.requests for group in request.resource_spans]
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes["service.name"] == "engine"
    assert attributes["service.namespace"] == "colonnade"
    assert [sent.name for scope in resource.scope_spans for sent in scope.spans] == ["work"]


def test_shutdown_does_not_wait_for_a_collector_that_hangs() -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        setup("engine", otlp_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with span("work"):
            pass
        started = time.monotonic()
        assert not shutdown(0.2)
        assert time.monotonic() - started < 10
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)
    assert not any(thread.is_alive() for thread in left)


def test_shutdown_twice() -> None:
    setup("engine")
    assert shutdown()
    assert shutdown()
