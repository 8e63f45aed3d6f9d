"""Metrics: OpenTelemetry's ``gen_ai.*`` names and buckets, ``colonnade_<what>_<unit>`` for all else.

Names and buckets follow https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/, written as
Prometheus writes OpenTelemetry names: dots become underscores and the unit is a suffix.

An instrument is declared where it is used. Declaring it again returns the same one, so a service can be built
many times in a process (as tests do). Label values must come from a bounded set: model names of the
registry, route templates, codes; never ids, never what a caller typed.
"""

import re
import threading
from collections.abc import Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from colonnade.telemetry.exposition import MetricsServer, exposition, serve_metrics

__all__ = [
    "DURATION_BUCKETS",
    "PER_OUTPUT_TOKEN_BUCKETS",
    "REGISTRY",
    "SIZE_BUCKETS",
    "TIME_TO_FIRST_TOKEN_BUCKETS",
    "TOKEN_BUCKETS",
    "CollectorRegistry",
    "Counter",
    "Gauge",
    "GenAiMetrics",
    "Histogram",
    "MetricsServer",
    "counter",
    "declare_build",
    "exposition",
    "gauge",
    "histogram",
    "serve_metrics",
]

DURATION_BUCKETS = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
TIME_TO_FIRST_TOKEN_BUCKETS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
PER_OUTPUT_TOKEN_BUCKETS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
SIZE_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""For sizes of batches and depths of queues."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_I = TypeVar("_I")
_declared: WeakKeyDictionary[CollectorRegistry, dict[str, tuple[Any, ...]]] = WeakKeyDictionary()
_lock = threading.Lock()

# The time an instrument was made is of no use and doubles the number of series.
disable_created_metrics()


def counter(
    what: str, unit: str, help_text: str, labels: Sequence[str] = (), registry: CollectorRegistry = REGISTRY
) -> Counter:
    """Only grows. Exposed as ``colonnade_<what>_<unit>_total``."""
    return _declare(Counter, _name(what, unit), help_text, labels, registry)


def gauge(
    what: str, unit: str, help_text: str, labels: Sequence[str] = (), registry: CollectorRegistry = REGISTRY
) -> Gauge:
    """Goes up and down. Exposed as ``colonnade_<what>_<unit>``."""
    return _declare(Gauge, _name(what, unit), help_text, labels, registry)


def histogram(
    what: str,
    unit: str,
    help_text: str,
    labels: Sequence[str] = (),
    buckets: Sequence[float] = DURATION_BUCKETS,
    registry: CollectorRegistry = REGISTRY,
) -> Histogram:
    """A distribution. Exposed as ``colonnade_<what>_<unit>``."""
    return _declare(Histogram, _name(what, unit), help_text, labels, registry, buckets=tuple(buckets))


def declare_build(service: str, version: str, registry: CollectorRegistry = REGISTRY) -> None:
    """``colonnade_build_info{service, version} 1``."""
    gauge("build", "info", "What runs here", ("service", "version"), registry).labels(service, version).set(1)


def _name(what: str, unit: str) -> str:
    name = f"colonnade_{what}_{unit}"
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a metric name: {name!r}; what and unit are lower_snake_case")
    return name


def _declare(
    kind: type[_I],
    name: str,
    help_text: str,
    labels: Sequence[str],
    registry: CollectorRegistry,
    **options: Any,
) -> _I:
    shape = (kind, tuple(labels), options)
    with _lock:
        known = _declared.setdefault(registry, {})
        if name not in known:
            known[name] = (shape, kind(name, help_text, tuple(labels), registry=registry, **options))  # type: ignore[call-arg]
        declared, instrument = known[name]
    if declared != shape:
        raise ValueError(f"metric {name} is already declared with another kind, labels or buckets")
    return instrument  # type: ignore[no-any-return]


class GenAiMetrics:
    """The generation metrics of one process, labelled by operation and by the model's name in the registry.

    ``operation`` is ``chat``, ``text_completion`` or ``embeddings``. ``error_type`` is a
    ``colonnade.errors.Code``, or empty for a success.
    """

    _LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def seconds(name: str, help_text: str, buckets: Sequence[float], *more: str) -> Histogram:
            return _declare(
                Histogram, name, help_text, (*self._LABELS, *more), registry, buckets=tuple(buckets)
            )

        self._first_token = seconds(
            "gen_ai_server_time_to_first_token_seconds",
            "From the arrival of a request to its first token",
            TIME_TO_FIRST_TOKEN_BUCKETS,
        )
        self._per_token = seconds(
            "gen_ai_server_time_per_output_token_seconds",
            "Mean time between the tokens of a request, after the first",
            PER_OUTPUT_TOKEN_BUCKETS,
        )
        self._duration = seconds(
            "gen_ai_server_request_duration_seconds",
            "From the arrival of a request to its last token",
            DURATION_BUCKETS,
            "error_type",
        )
        self._usage = seconds(
            "gen_ai_client_token_usage", "Tokens of a request", TOKEN_BUCKETS, "gen_ai_token_type"
        )

    def first_token(self, operation: str, model: str, seconds: float) -> None:
        self._first_token.labels(operation, "colonnade", model).observe(seconds)

    def finished(
        self,
        operation: str,
        model: str,
        seconds: float,
        *,
        error_type: str = "",
        per_token: float | None = None,
    ) -> None:
        """``per_token`` is the mean time between tokens; None where there were fewer than two."""
        self._duration.labels(operation, "colonnade", model, error_type).observe(seconds)
        if per_token is not None:
            self._per_token.labels(operation, "colonnade", model).observe(per_token)

    def tokens(self, operation: str, model: str, *, prompt: int, completion: int) -> None:
        self._usage.labels(operation, "colonnade", model, "input").observe(prompt)
        self._usage.labels(operation, "colonnade", model, "output").observe(completion)
