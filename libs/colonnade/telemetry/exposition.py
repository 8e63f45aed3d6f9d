"""Serves the metrics of a process in Prometheus' text format."""

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
    start_http_server,
)

from colonnade.errors import Unavailable


def exposition(registry: CollectorRegistry = REGISTRY) -> tuple[bytes, str]:
    """All metrics now, and the content type that goes with them."""
    return generate_latest(registry), CONTENT_TYPE_LATEST


class MetricsServer:
    """A running metrics endpoint, or none where it is off (``port`` is 0)."""

    def __init__(self, server: WSGIServer | None, thread: threading.Thread | None) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.server_port if server else 0

    def stop(self) -> None:
        """Closes the port and waits for its thread. Safe to call twice."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.server_close()
            self._thread.join()


def serve_metrics(
    port: int, host: str = "127.0.0.1", registry: CollectorRegistry = REGISTRY
) -> MetricsServer:
    """Serves ``http://host:port/metrics`` from a daemon thread; port 0 means off.

    Raises ``Unavailable`` where the port is taken.
    """
    if port == 0:
        return MetricsServer(None, None)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise Unavailable(
            f"metrics_port {port} cannot be bound ({error.strerror}); choose another, or 0 for none",
            field="metrics_port",
        ) from error
    return MetricsServer(server, thread)
