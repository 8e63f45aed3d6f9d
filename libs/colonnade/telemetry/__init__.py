"""Logs, traces and metrics of a process behind one ``setup()``.

Logs are JSON lines on stderr, traces leave through OTLP when an endpoint is set, Prometheus reads metrics.
"""

from colonnade.telemetry.context import bind_request, current_request_id
from colonnade.telemetry.logs import Logger, get_logger
from colonnade.telemetry.process import setup, shutdown
from colonnade.telemetry.propagation import extract, inject, span

__all__ = [
    "Logger",
    "bind_request",
    "current_request_id",
    "extract",
    "get_logger",
    "inject",
    "setup",
    "shutdown",
    "span",
]
