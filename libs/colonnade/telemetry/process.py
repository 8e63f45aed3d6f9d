"""What a process calls once when it starts and once before it ends."""

from colonnade.telemetry import logs, metrics, traces


def setup(service: str, *, log_level: str = "info", otlp_endpoint: str = "") -> None:
    """Logs, traces and build info for the process of ``service``; calling it again changes only what differs.

    ``otlp_endpoint`` (``http://host:4317``, or ``https://`` for TLS) turns the export of traces on.
    Raises ``InvalidArgument`` for an unknown ``log_level``.
    """
    logs.configure(service, log_level)
    traces.configure(service, otlp_endpoint)
    metrics.declare_build(service, traces.version())


def shutdown(seconds: float = 2.0) -> bool:
    """Sends the spans that wait, for at most ``seconds``; whether all of them went."""
    return traces.shutdown(seconds)
