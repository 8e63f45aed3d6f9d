"""What the router counts: requests, retries, engines, loads."""

from collections.abc import Iterator
from contextlib import contextmanager

from colonnade.telemetry.metrics import REGISTRY, CollectorRegistry, counter, gauge, histogram

_LOAD_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0)


class Metrics:
    """``outcome`` is ``ok``, ``cancelled`` or a ``colonnade.errors.Code``; engines are the settings'."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = counter(
            "inference", "requests", "Requests by what became of them", ("operation", "outcome"), registry
        )
        self._retries = counter(
            "inference", "retries", "Requests that were put to an engine again", ("reason",), registry
        )
        self._up = gauge("inference_engine", "up", "1 where the engine answers", ("engine",), registry)
        self._in_flight = gauge("inference_in_flight", "requests", "Requests under way", (), registry)
        self._load = histogram(
            "inference_load", "seconds", "Time to load a version", ("outcome",), _LOAD_BUCKETS, registry
        )

    def ended(self, operation: str, outcome: str) -> None:
        self._requests.labels(operation, outcome).inc()

    def retried(self, reason: str) -> None:
        self._retries.labels(reason).inc()

    def engine_up(self, address: str, up: bool) -> None:
        self._up.labels(address.rsplit("/", 1)[-1]).set(up)  # of a socket its name, not where it lies

    def loaded(self, seconds: float, outcome: str) -> None:
        self._load.labels(outcome).observe(seconds)

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        with self._in_flight.track_inprogress():
            yield
