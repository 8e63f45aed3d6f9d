"""Names, buckets and the endpoint that Prometheus reads."""

import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from colonnade.errors import Unavailable
from colonnade.telemetry import metrics


@pytest.fixture
def registry() -> metrics.CollectorRegistry:
    return metrics.CollectorRegistry()


def families(registry: metrics.CollectorRegistry) -> dict[str, str]:
    body, _ = metrics.exposition(registry)
    return {family.name: family.type for family in text_string_to_metric_families(body.decode())}


def test_the_advised_names(registry: metrics.CollectorRegistry) -> None:
    measured = metrics.GenAiMetrics(registry)
    measured.first_token("chat", "m", 0.2)
    measured.finished("chat", "m", 1.5, per_token=0.03)
    measured.tokens("chat", "m", prompt=12, completion=40)
    assert families(registry) == {
        "gen_ai_server_time_to_first_token_seconds": "histogram",
        "gen_ai_server_time_per_output_token_seconds": "histogram",
        "gen_ai_server_request_duration_seconds": "histogram",
        "gen_ai_client_token_usage": "histogram",
    }
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "colonnade",
        "gen_ai_request_model": "m",
    }
    first = "gen_ai_server_time_to_first_token_seconds"
    assert registry.get_sample_value(f"{first}_count", labels) == 1
    assert registry.get_sample_value(f"{first}_bucket", labels | {"le": "0.1"}) == 0
    assert registry.get_sample_value(f"{first}_bucket", labels | {"le": "0.25"}) == 1
    usage = "gen_ai_client_token_usage_sum"
    assert registry.get_sample_value(usage, labels | {"gen_ai_token_type": "input"}) == 12
    assert registry.get_sample_value(usage, labels | {"gen_ai_token_type": "output"}) == 40


def test_the_advised_buckets() -> None:
    assert metrics.TOKEN_BUCKETS[:3] == (1.0, 4.0, 16.0)
    assert metrics.TOKEN_BUCKETS[-1] == 67108864.0
    assert metrics.DURATION_BUCKETS[0] == 0.01
    assert metrics.DURATION_BUCKETS[-1] == 81.92
    assert metrics.TIME_TO_FIRST_TOKEN_BUCKETS[0] == 0.001
    assert metrics.PER_OUTPUT_TOKEN_BUCKETS[-1] == 2.5


def test_a_request_of_one_token_has_no_time_per_token(registry: metrics.CollectorRegistry) -> None:
    metrics.GenAiMetrics(registry).finished("chat", "m", 0.1, error_type="overloaded")
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "colonnade",
        "gen_ai_request_model": "m",
    }
    assert registry.get_sample_value("gen_ai_server_time_per_output_token_seconds_count", labels) is None
    duration = "gen_ai_server_request_duration_seconds_count"
    assert registry.get_sample_value(duration, labels | {"error_type": "overloaded"}) == 1


def test_our_own_names(registry: metrics.CollectorRegistry) -> None:
    metrics.counter("gateway", "requests", "Requests", ("route",), registry=registry).labels(
        "/generate"
    ).inc()
    metrics.gauge("engine_queue", "requests", "Waiting", registry=registry).set(2)
    metrics.histogram("engine_step", "seconds", "A step", registry=registry).observe(0.1)
    assert families(registry) == {
        "colonnade_gateway_requests": "counter",
        "colonnade_engine_queue_requests": "gauge",
        "colonnade_engine_step_seconds": "histogram",
    }


def test_declaring_again_is_the_same_instrument(registry: metrics.CollectorRegistry) -> None:
    first = metrics.gauge("a", "bytes", "A", ("x",), registry)
    assert metrics.gauge("a", "bytes", "A", ("x",), registry) is first
    assert metrics.gauge("a", "bytes", "A", ("x",), metrics.CollectorRegistry()) is not first


def test_declaring_otherwise_is_an_error(registry: metrics.CollectorRegistry) -> None:
    metrics.histogram("a", "bytes", "A", ("x",), registry=registry)
    with pytest.raises(ValueError, match="already declared"):
        metrics.histogram("a", "bytes", "A", ("y",), registry=registry)
    with pytest.raises(ValueError, match="already declared"):
        metrics.gauge("a", "bytes", "A", ("x",), registry)
    with pytest.raises(ValueError, match="already declared"):
        metrics.histogram("a", "bytes", "A", ("x",), buckets=(1,), registry=registry)


@pytest.mark.parametrize("what", ["", "Queue", "a b", "a__b", "queue-depth"])
def test_a_bad_name_is_an_error(what: str, registry: metrics.CollectorRegistry) -> None:
    with pytest.raises(ValueError, match="not a metric name"):
        metrics.gauge(what, "bytes", "A", registry=registry)


def test_build_info(registry: metrics.CollectorRegistry) -> None:
    metrics.declare_build("engine", "1.2.3", registry)
    labels = {"service": "engine", "version": "1.2.3"}
    assert registry.get_sample_value("colonnade_build_info", labels) == 1


def test_the_endpoint_serves_and_stops(registry: metrics.CollectorRegistry) -> None:
    metrics.gauge("a", "bytes", "A", registry=registry).set(7)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = metrics.serve_metrics(port, registry=registry)
    assert server.port == port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        assert b"colonnade_a_bytes 7.0" in response.read()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_port_zero_is_off() -> None:
    server = metrics.serve_metrics(0)
    assert server.port == 0
    server.stop()


def test_a_taken_port_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unavailable, match="metrics_port"):
        metrics.serve_metrics(taken.getsockname()[1])
